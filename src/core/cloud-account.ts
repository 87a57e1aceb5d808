import { type AliyunAccount, readAliyunAccount } from './aliyun-account';
import { type AwsAccount, readAwsAccount } from './aws-account';
import type { DocumentFields } from './document-fields';
import { type GoogleAccount, readGoogleAccount } from './google-account';

/** An account of a cloud, by which a login that lives for some hours can be had: what a registry of that cloud wants. */
export type CloudAccount = GoogleAccount | AwsAccount | AliyunAccount;

/** What an account is read for. */
export interface AccountPlace {
  /** Host name of the registry, without port: a login must not be had for anybody else than its own cloud. */
  readonly host: string;
  /** Where keys are looked for that the document leaves out. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Nothing that has a role at the cloud, by which keys could be had that the document leaves out. */
  readonly isRoleless?: boolean;
  /** Lets a registry and a token server be on loopback: for tests, and no setting switches it on. */
  readonly loopback?: boolean;
}

const readers: Readonly<Record<string, (fields: DocumentFields, place: AccountPlace) => CloudAccount | undefined>> = {
  google: readGoogleAccount,
  service_account: readGoogleAccount,
  authorized_user: readGoogleAccount,
  aws: readAwsAccount,
  aliyun: readAliyunAccount,
};

/** Files of Google that are no login without a third party. */
const OTHER_GOOGLE = [
  'external_account',
  'external_account_authorized_user',
  'impersonated_service_account',
  'gdch_service_account',
];

/**
 * Reads the account that a mapping describes by its `type`: `google`, `aws` or `aliyun`, or a credentials file of Google
 * as it is (`service_account`, `authorized_user`). What is wrong is among the faults of `fields`; what is handed back is
 * good for nothing then.
 */
export function readCloudAccount(fields: DocumentFields, place: AccountPlace): CloudAccount | undefined {
  const type = fields.required('type', (key) => fields.take(key, 'google, aws or aliyun', (text) => text));
  if (type === '') return undefined;
  if (Object.hasOwn(readers, type)) return readers[type](fields, place);
  if (!OTHER_GOOGLE.includes(type)) return fields.fault('type', 'expected google, aws or aliyun');
  const instead = "use a service account's key, or leave credentials out to use that of the machine";
  return fields.fault('type', `${type} is not supported: ${instead}`);
}
