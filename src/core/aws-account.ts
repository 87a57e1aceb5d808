import type { AccountPlace } from './cloud-account';
import type { DocumentFields } from './document-fields';
import { parseUrl, type Url } from './url';

/** An account whose registry is on ECR. */
export interface AwsAccount {
  readonly kind: 'aws';
  readonly region: string;
  /** Of the API that gives the login out. */
  readonly api: Url;
  readonly keys: AwsKeySource;
}

export type AwsKeySource = ({ readonly from: 'given' } & AwsKeys) | AwsRole;

/** Who gives out keys, for a while: a container's service, or the EC2 instance. */
export type AwsRole = AwsContainer | { readonly from: 'instance' };

export interface AwsKeys {
  readonly id: string;
  readonly secret: string;
  /** With temporary keys. */
  readonly token?: string;
}

/** The role of an ECS task or of an EKS pod (AWS SDKs, "Container credential provider"). */
export interface AwsContainer {
  readonly from: 'container';
  readonly url: Url;
  readonly authorization?: string;
  /** Path of a file that holds it, and is written anew from time to time. */
  readonly authorizationFile?: string;
}

const REGISTRY_HOST = /^\d{12}\.dkr[.-]ecr(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?|on\.aws)$/;

const REGION = /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/;

/** Reads `type: aws`; keys that it leaves out are those of the environment, the container or the instance. */
export function readAwsAccount(fields: DocumentFields, { host, env, isRoleless }: AccountPlace): AwsAccount {
  const [, fips = '', named, domain] = REGISTRY_HOST.exec(host) ?? [];
  const written = fields.take('region', 'a region like eu-central-1', (text) => (REGION.test(text) ? text : undefined));
  const region = named ?? written ?? '';
  if (named === undefined && !fields.has('region')) {
    fields.fault(
      'type',
      `${host} is not <account>.dkr.ecr.<region>.amazonaws.com; if it is ECR all the same, set region`,
    );
  } else if (written !== undefined && written !== region) fields.fault('region', `${host} is in ${region}`);
  const keys = readKeys(fields, env, isRoleless);
  fields.refuseOthers();
  const api: Url = { scheme: 'https', hostname: apiHost(region, fips, domain), port: 443, path: '/', query: '' };
  return { kind: 'aws', region, api, keys };
}

/** Endpoints as AWS lists them ("Amazon ECR endpoints and quotas"). */
function apiHost(region: string, fips: string, domain: string | undefined): string {
  if (domain === 'on.aws') return `ecr${fips}.${region}.api.aws`;
  const own = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return `${fips === '' ? 'api.ecr' : 'ecr-fips'}.${region}.${domain ?? own}`;
}

type Env = AccountPlace['env'];

function readKeys(fields: DocumentFields, env: Env, isRoleless = false): AwsKeySource {
  const id = fields.text('accessKeyId');
  const secret = fields.text('secretAccessKey');
  const token = fields.text('sessionToken');
  if (id !== undefined || secret !== undefined || token !== undefined) {
    if (id === undefined || secret === undefined) fields.fault('accessKeyId', 'belongs together with secretAccessKey');
    return { from: 'given', id: id ?? '', secret: secret ?? '', ...(token && { token }) };
  }
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    const keys = { id: AWS_ACCESS_KEY_ID.trim(), secret: AWS_SECRET_ACCESS_KEY.trim() };
    return { from: 'given', ...keys, ...(AWS_SESSION_TOKEN && { token: AWS_SESSION_TOKEN.trim() }) };
  }
  if (isRoleless) fields.fault('accessKeyId', 'is missing, with secretAccessKey: this platform has no role at AWS');
  return readRole(env, (message) => fields.fault('accessKeyId', message));
}

/** Where a machine or container at AWS gets the keys of its role from. */
export function readRole(env: Env, fault: (message: string) => void): AwsRole {
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const full = env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (!relative && !full) return { from: 'instance' };
  const url = parseUrl(relative ? `http://169.254.170.2${relative}` : (full ?? ''));
  if (!url || !mayGiveKeys(url)) {
    const name = `AWS_CONTAINER_CREDENTIALS_${relative ? 'RELATIVE' : 'FULL'}_URI`;
    fault(`${name} must be https, or an address of this machine, of ECS or of EKS`);
    return { from: 'instance' };
  }
  const authorization = env.AWS_CONTAINER_AUTHORIZATION_TOKEN?.trim();
  const authorizationFile = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE?.trim();
  return {
    from: 'container',
    url,
    ...(authorization && { authorization }),
    ...(authorizationFile && { authorizationFile }),
  };
}

/** Without TLS only what cannot be anybody else's: loopback, and the addresses of ECS and of EKS (AWS SDKs). */
function mayGiveKeys({ scheme, hostname }: Url): boolean {
  if (scheme === 'https') return true;
  return /^(?:127(?:\.\d+){3}|\[::1\]|localhost|169\.254\.170\.(?:2|23)|\[fd00:ec2::23\])$/.test(hostname);
}
