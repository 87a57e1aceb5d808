import type { AwsKeys, AwsRole } from '../core/aws-account';
import type { CloudFetch } from '../shell/cloud-request';
import { obtainRoleKeys } from './aws-keys';

/** Milliseconds for which keys are used: AWS has new ones at least five minutes before the old ones run out. */
export const KEYS_LIFETIME = 4 * 60_000;

/**
 * The keys of a role, asked for once in a while; where they cannot be had, the old ones are tried for as long as they live.
 * @param now milliseconds since 1970
 * @returns rejects with words fit for a log
 */
export function roleKeys(role: AwsRole, fetch: CloudFetch, now: () => number): () => Promise<AwsKeys> {
  let last: AwsKeys | undefined;
  let current: Promise<AwsKeys> | undefined;
  let until = 0;
  const renew = async () => {
    try {
      last = await obtainRoleKeys(role, fetch);
      until = now() + KEYS_LIFETIME;
      return last;
    } catch (error) {
      current = undefined;
      if (last) return last;
      throw error;
    }
  };
  return () => {
    if (!current || now() >= until) {
      // One question at a time, whoever waits for its answer.
      until = Number.POSITIVE_INFINITY;
      current = renew();
    }
    return current;
  };
}
