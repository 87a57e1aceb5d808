import { type AliyunAccount, readAliyunAccount } from './aliyun-account';
import { type AwsAccount, readAwsAccount } from './aws-account';
import { isDocument } from './document';
import type { Files } from './files';
import type { Env } from './given';
import { type GoogleAccount, readGoogleAccount } from './google-account';
import { mask } from './setting-readers';

/** An account of a cloud, by which a login that lives for some hours can be had: what a registry of that cloud wants. */
export type CloudAccount = GoogleAccount | AwsAccount | AliyunAccount;

/** What a document is read for. */
export interface AccountPlace {
  /** Host name of the registry, without port: a login must not be had for anybody else than its own cloud. */
  readonly host: string;
  /** Where keys are looked for that the document leaves out. */
  readonly env: Env;
  readonly files: Files;
  /** Lets a registry and a token server be on loopback: for tests, and no setting switches it on. */
  readonly loopback?: boolean;
}

type Reader = (document: Readonly<Record<string, unknown>>, place: AccountPlace, faults: string[]) => CloudAccount;

const readers: Readonly<Record<string, Reader>> = {
  google: readGoogleAccount,
  service_account: readGoogleAccount,
  authorized_user: readGoogleAccount,
  aws: readAwsAccount,
  aliyun: readAliyunAccount,
};

/** Google's own, of which none is a login that can be had without a third party. */
const OTHER_GOOGLE =
  /^(external_account|external_account_authorized_user|impersonated_service_account|gdch_service_account)$/;

/**
 * Reads the account that a document describes by its `type`: `google`, `aws` or `aliyun`, or a credentials file of Google
 * as it is (`service_account`, `authorized_user`).
 * @param faults gets what is wrong, as `key: what was expected`, never a value that may be secret
 * @returns undefined where there are faults
 */
export function readCloudAccount(document: unknown, place: AccountPlace, faults: string[]): CloudAccount | undefined {
  const found: string[] = [];
  const account = read(document, place, found);
  faults.push(...found);
  return found.length > 0 ? undefined : account;
}

function read(document: unknown, place: AccountPlace, faults: string[]): CloudAccount | undefined {
  if (!isDocument(document)) {
    faults.push('expected an object with a type: google, aws or aliyun');
    return undefined;
  }
  const { type } = document;
  const reader = typeof type === 'string' && Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (reader) return reader(document, place, faults);
  const named = typeof type === 'string' ? mask(type).slice(0, 64) : '';
  faults.push(
    OTHER_GOOGLE.test(named)
      ? `type: ${named} is not supported: use a service account's key, or leave credentials out to use that of the machine`
      : 'type: expected google, aws or aliyun',
  );
  return undefined;
}
