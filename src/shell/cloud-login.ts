import type { AwsKeys, AwsRole } from '../core/aws-account';
import type { CloudAccount } from '../core/cloud-account';
import { aliyunLogin } from './aliyun-login';
import type { Asked, CloudFetch } from './cloud-request';
import { ecrLogin } from './ecr-login';
import { googleLogin } from './google-login';

/** A login that a registry takes for a while. */
export interface CloudLogin {
  readonly username: string;
  readonly password: string;
  /** Seconds from now; Infinity for one that does not run out. */
  readonly expiresIn: number;
}

/** What a machine or a container of a cloud may ask for itself. */
export interface Machine {
  /** The keys of its role at AWS. @throws Error with words fit for a log */
  awsKeys(role: AwsRole, fetch: CloudFetch): Promise<AwsKeys>;
  /** Asks for a token of its service account at Google. */
  readonly googleToken: Asked;
}

export interface CloudContext {
  /** Host name of the registry, for errors. */
  readonly host: string;
  readonly fetch: CloudFetch;
  /** Missing where the platform is none: accounts then need keys of their own. */
  readonly machine?: Machine;
  /** Milliseconds since 1970; by default the clock of the machine. */
  readonly now?: () => number;
}

/**
 * Gets a login for a registry from its cloud: one to four small requests, each repeated once at most.
 * @throws Error with words fit for a log: what was asked, what came back, what to look at
 */
export async function obtainLogin(
  account: CloudAccount,
  { host, fetch, machine, now = Date.now }: CloudContext,
): Promise<CloudLogin> {
  try {
    switch (account.kind) {
      case 'google-key':
      case 'google-user':
      case 'google-machine':
      case 'google-json-key':
        return await googleLogin(account, fetch, now, machine);
      case 'aws':
        return await ecrLogin(account, fetch, now, machine);
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
export async function fetchLogin(
  account: CloudAccount,
  host: string,
  fetch: CloudFetch,
  machine?: Machine,
): Promise<string> {
  const { username, password, expiresIn } = await obtainLogin(account, { host, fetch, machine });
  return JSON.stringify({ username, password, expires_in: Number.isFinite(expiresIn) ? expiresIn : ENDLESS });
}
