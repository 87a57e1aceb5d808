import type { CloudAccount } from '../core/cloud-account';
import { aliyunLogin } from './aliyun-login';
import { cloudFetch } from './cloud-fetch';
import type { CloudFetch } from './cloud-request';
import { ecrLogin } from './ecr-login';
import { googleLogin } from './google-login';
import type { Transport } from './transport';

/** A login that a registry takes for a while. */
export interface CloudLogin {
  readonly username: string;
  readonly password: string;
  /** Seconds from now; Infinity for one that does not run out. */
  readonly expiresIn: number;
}

export interface CloudContext {
  /** Host name of the registry, for errors. */
  readonly host: string;
  readonly fetch: CloudFetch;
  /** Milliseconds since 1970; by default the clock of the machine. */
  readonly now?: () => number;
}

/**
 * Gets a login for a registry from its cloud: one to four small requests, each repeated once at most.
 * @throws Error with words fit for a log: what was asked, what came back, what to look at
 */
export async function obtainLogin(
  account: CloudAccount,
  { host, fetch, now = Date.now }: CloudContext,
): Promise<CloudLogin> {
  try {
    switch (account.kind) {
      case 'google-key':
      case 'google-user':
      case 'google-machine':
      case 'google-json-key':
        return await googleLogin(account, fetch, now);
      case 'aws':
        return await ecrLogin(account, fetch, now);
      case 'aliyun':
        return await aliyunLogin(account, fetch, now);
    }
  } catch (error) {
    throw new Error(`no login for ${host}: ${(error as Error).message}`);
  }
}

/** Seconds that a login without an end is kept. */
const ENDLESS = 3600;

/**
 * The same as a document for the store of tokens.
 * @throws Error with words fit for a log
 */
export async function fetchLogin(account: CloudAccount, host: string, transport: Transport): Promise<string> {
  const { username, password, expiresIn } = await obtainLogin(account, { host, fetch: cloudFetch(transport) });
  return JSON.stringify({ username, password, expires_in: Number.isFinite(expiresIn) ? expiresIn : ENDLESS });
}
