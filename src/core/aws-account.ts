import type { AccountPlace } from './cloud-account';
import { type Document, refuseOtherKeys, textIn } from './document';
import type { Env } from './given';
import { parseUrl, type Url } from './url';

/** An account whose registry is on ECR. */
export interface AwsAccount {
  readonly kind: 'aws';
  readonly region: string;
  /** Of the API that gives the login out. */
  readonly api: Url;
  readonly keys: AwsKeySource;
}

export type AwsKeySource =
  | ({ readonly from: 'given' } & AwsKeys)
  | AwsContainer
  /** The role of the EC2 instance. */
  | { readonly from: 'instance' };

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
export function readAwsAccount(document: Document, { host, env }: AccountPlace, faults: string[]): AwsAccount {
  refuseOtherKeys(document, ['type', 'region', 'accessKeyId', 'secretAccessKey', 'sessionToken'], faults);
  const written = textIn(document, 'region', faults);
  const [, fips = '', named, domain] = REGISTRY_HOST.exec(host) ?? [];
  const region = named ?? written ?? '';
  if (region === '') {
    faults.push(
      `type: ${host} is not <account>.dkr.ecr.<region>.amazonaws.com; where ECR has a name of your own, set region`,
    );
  } else if (!REGION.test(region)) faults.push('region: expected one like eu-central-1');
  else if (written !== undefined && written !== region) faults.push(`region: ${host} is in ${region}`);
  return {
    kind: 'aws',
    region,
    api: { scheme: 'https', hostname: apiHost(region, fips, domain), port: 443, path: '/', query: '' },
    keys: readKeys(document, env, faults),
  };
}

/** Endpoints as AWS lists them ("Amazon ECR endpoints and quotas"). */
function apiHost(region: string, fips: string, domain: string | undefined): string {
  if (domain === 'on.aws') return `ecr${fips}.${region}.api.aws`;
  const own = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return `${fips === '' ? 'api.ecr' : 'ecr-fips'}.${region}.${domain ?? own}`;
}

function readKeys(document: Document, env: Env, faults: string[]): AwsKeySource {
  const id = textIn(document, 'accessKeyId', faults);
  const secret = textIn(document, 'secretAccessKey', faults);
  const token = textIn(document, 'sessionToken', faults);
  if (id !== undefined || secret !== undefined || token !== undefined) {
    if (id === undefined || secret === undefined) faults.push('accessKeyId and secretAccessKey belong together');
    return { from: 'given', id: id ?? '', secret: secret ?? '', ...(token && { token }) };
  }
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    const keys = { id: AWS_ACCESS_KEY_ID.trim(), secret: AWS_SECRET_ACCESS_KEY.trim() };
    return { from: 'given', ...keys, ...(AWS_SESSION_TOKEN && { token: AWS_SESSION_TOKEN.trim() }) };
  }
  return readContainer(env, faults) ?? { from: 'instance' };
}

function readContainer(env: Env, faults: string[]): AwsContainer | undefined {
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const full = env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (!relative && !full) return undefined;
  const url = parseUrl(relative ? `http://169.254.170.2${relative}` : (full ?? ''));
  if (!url || !mayGiveKeys(url)) {
    faults.push(
      `${relative ? 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI' : 'AWS_CONTAINER_CREDENTIALS_FULL_URI'}: expected https, or an address of this machine, of ECS or of EKS`,
    );
    return undefined;
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
