import type { AccountPlace } from './cloud-account';
import { type Document, refuseOtherKeys, textIn } from './document';
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
export function readAliyunAccount(document: Document, { host, env }: AccountPlace, faults: string[]): AliyunAccount {
  refuseOtherKeys(
    document,
    ['type', 'region', 'instanceId', 'accessKeyId', 'accessKeySecret', 'securityToken'],
    faults,
  );
  const written = textIn(document, 'region', faults);
  const instanceId = textIn(document, 'instanceId', faults);
  const isEnterprise = ENTERPRISE_HOST.test(host);
  const named = (isEnterprise ? ENTERPRISE_HOST : PERSONAL_HOST).exec(host)?.[1];
  const region = named ?? (instanceId === undefined ? undefined : written) ?? '';
  if (NEW_PERSONAL_HOST.test(host)) faults.push(`type: ${host} wants the fixed user name and password of its console`);
  else if (region === '') {
    faults.push(
      `type: ${host} is not registry.<region>.aliyuncs.com or <name>-registry.<region>.cr.aliyuncs.com; where an Enterprise Edition has a name of your own, set region and instanceId`,
    );
  } else if (!REGION.test(region)) faults.push('region: expected one like cn-hangzhou');
  else if (written !== undefined && written !== region) faults.push(`region: ${host} is in ${region}`);
  if (isEnterprise && instanceId === undefined) {
    faults.push('instanceId: is missing; the console shows it, it begins with cri-');
  }
  return {
    kind: 'aliyun',
    api: { scheme: 'https', hostname: `cr.${region}.aliyuncs.com`, port: 443, path: '/', query: '' },
    ...(instanceId && { instanceId }),
    keys: readKeys(document, env, faults),
  };
}

function readKeys(document: Document, env: AccountPlace['env'], faults: string[]): AliyunKeys {
  const id = textIn(document, 'accessKeyId', faults);
  const secret = textIn(document, 'accessKeySecret', faults);
  const token = textIn(document, 'securityToken', faults);
  if (id !== undefined || secret !== undefined || token !== undefined) {
    if (id === undefined || secret === undefined) faults.push('accessKeyId and accessKeySecret belong together');
    return { id: id ?? '', secret: secret ?? '', ...(token && { token }) };
  }
  const ours = env.ALIBABA_CLOUD_ACCESS_KEY_ID?.trim();
  const ourSecret = env.ALIBABA_CLOUD_ACCESS_KEY_SECRET?.trim();
  const ourToken = env.ALIBABA_CLOUD_SECURITY_TOKEN?.trim();
  if (!ours || !ourSecret) {
    faults.push(
      'accessKeyId: is missing, with accessKeySecret, and so are ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    );
  }
  return { id: ours ?? '', secret: ourSecret ?? '', ...(ourToken && { token: ourToken }) };
}
