import type { AccountPlace } from './cloud-account';
import type { DocumentFields } from './document-fields';
import type { Url } from './url';

/** An account whose registry is on Aliyun's Container Registry (ACR). */
export interface AliyunAccount {
  readonly kind: 'aliyun';
  /** Of the API that gives the login out. */
  readonly api: Url;
  /** With an Enterprise Edition; the Personal Edition has one instance for everybody. */
  readonly instanceId?: string;
  readonly keys: AliyunKeys;
}

export interface AliyunKeys {
  readonly id: string;
  readonly secret: string;
  /** With temporary keys. */
  readonly token?: string;
}

const PERSONAL_HOST = /^registry(?:-intl)?(?:-vpc|-internal)?\.([a-z0-9-]+)\.aliyuncs\.com$/;
const ENTERPRISE_HOST = /^[a-z0-9-]+-registry(?:-vpc|-internal)?(?:\.distributed)?\.([a-z0-9-]+)\.cr\.aliyuncs\.com$/;

/** Of 2024 and later; nothing says whether temporary logins are given out for it. */
const NEW_PERSONAL_HOST = /\.personal\.cr\.aliyuncs\.com$/;

const REGION = /^[a-z]{2,4}(?:-[a-z0-9]+)+$/;

/** Reads `type: aliyun`; keys that it leaves out are those of the environment, which on Function Compute are the role's. */
export function readAliyunAccount(fields: DocumentFields, { host, env }: AccountPlace): AliyunAccount {
  const written = fields.take('region', 'a region like cn-hangzhou', (text) => (REGION.test(text) ? text : undefined));
  const instanceId = fields.text('instanceId');
  const enterprise = ENTERPRISE_HOST.exec(host)?.[1];
  const named = enterprise ?? PERSONAL_HOST.exec(host)?.[1];
  const region = named ?? written ?? '';
  if (NEW_PERSONAL_HOST.test(host)) {
    fields.fault('type', `${host} wants the fixed user name and password of its console`);
  } else if (named === undefined && !(fields.has('region') && fields.has('instanceId'))) {
    const known = 'registry.<region>.aliyuncs.com or <name>-registry.<region>.cr.aliyuncs.com';
    fields.fault('type', `${host} is not ${known}; if it is ACR all the same, set region and instanceId`);
  } else if (written !== undefined && written !== region) fields.fault('region', `${host} is in ${region}`);
  if (enterprise !== undefined && instanceId === undefined) {
    fields.fault('instanceId', 'is missing; the console shows it, it begins with cri-');
  }
  const keys = readKeys(fields, env);
  fields.refuseOthers();
  const api: Url = { scheme: 'https', hostname: `cr.${region}.aliyuncs.com`, port: 443, path: '/', query: '' };
  return { kind: 'aliyun', api, ...(instanceId && { instanceId }), keys };
}

function readKeys(fields: DocumentFields, env: AccountPlace['env']): AliyunKeys {
  const id = fields.text('accessKeyId');
  const secret = fields.text('accessKeySecret');
  const token = fields.text('securityToken');
  if (id !== undefined || secret !== undefined || token !== undefined) {
    if (id === undefined || secret === undefined) fields.fault('accessKeyId', 'belongs together with accessKeySecret');
    return { id: id ?? '', secret: secret ?? '', ...(token && { token }) };
  }
  const own = env.ALIBABA_CLOUD_ACCESS_KEY_ID?.trim();
  const ownSecret = env.ALIBABA_CLOUD_ACCESS_KEY_SECRET?.trim();
  const ownToken = env.ALIBABA_CLOUD_SECURITY_TOKEN?.trim();
  if (!own || !ownSecret) {
    const names = 'ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET';
    fields.fault('accessKeyId', `is missing, with accessKeySecret, and so are ${names}`);
  }
  return { id: own ?? '', secret: ownSecret ?? '', ...(ownToken && { token: ownToken }) };
}
