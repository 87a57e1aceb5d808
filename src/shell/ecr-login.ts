import type { AwsAccount, AwsKeySource, AwsKeys } from '../core/aws-account';
import { parseBasic } from '../core/basic';
import type { CloudLogin, Machine } from './cloud-login';
import { ask, type CloudFetch, type CloudResponse, clockHint, fieldsOf, refusal, textOf } from './cloud-request';
import { signV4 } from './signature-v4';

/** Seconds that ECR's logins live, where the answer does not say. */
const LOGIN_LIFETIME = 12 * 3600;

/** ECR's GetAuthorizationToken (Amazon ECR API reference), in AWS's JSON protocol 1.1. */
export async function ecrLogin(
  { region, api, keys: source }: AwsAccount,
  fetch: CloudFetch,
  now: () => number,
  machine: Machine | undefined,
): Promise<CloudLogin> {
  const keys = await keysOf(source, fetch, machine);
  const request = {
    method: 'POST' as const,
    url: api,
    headers: [
      ['content-type', 'application/x-amz-json-1.1'],
      ['x-amz-target', 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken'],
    ] as const,
    body: '{}',
  };
  const response = await ask(fetch, 'ECR', () => ({
    ...request,
    headers: signV4(request, keys, { region, service: 'ecr' }, now()),
  }));
  if (response.status !== 200) throw new Error(describe(response, keys, now()));
  const [data] = [fieldsOf(response).authorizationData].flat() as {
    authorizationToken?: unknown;
    expiresAt?: unknown;
  }[];
  // Which is, in Base64, what a Basic login carries.
  const { username, password } = parseBasic(`Basic ${textOf(data?.authorizationToken)}`) ?? {};
  if (!username || !password) throw new Error('ECR answers without a login');
  return { username, password, expiresIn: lifetimeOf(data.expiresAt, now()) };
}

async function keysOf(source: AwsKeySource, fetch: CloudFetch, machine: Machine | undefined): Promise<AwsKeys> {
  if (source.from === 'given') return source;
  if (!machine) throw new Error('this platform has no role at AWS: set accessKeyId and secretAccessKey');
  return machine.awsKeys(source, fetch);
}

/** By a clock that may be wrong, so never longer than AWS gives it. */
function lifetimeOf(expiresAt: unknown, now: number): number {
  const seconds = typeof expiresAt === 'number' ? Math.floor(expiresAt - now / 1000) : LOGIN_LIFETIME;
  return Math.max(0, Math.min(seconds, LOGIN_LIFETIME));
}

const HINTS: Readonly<Record<string, string>> = {
  AccessDeniedException: '; the keys need the permission ecr:GetAuthorizationToken',
  UnrecognizedClientException: '; the access key has been deleted, or belongs to another partition',
  InvalidClientTokenId: '; the access key has been deleted, or belongs to another partition',
  ExpiredTokenException: '; the session token has run out',
  ExpiredToken: '; the session token has run out',
};

function describe(response: CloudResponse, { secret, token }: AwsKeys, now: number): string {
  const { __type: type, message, Message } = fieldsOf(response);
  const code = textOf(type).replace(/^.*#/, '');
  const text = textOf(message ?? Message);
  const said = refusal('ECR', response.status, code, text, [secret, token]);
  if (/^(InvalidSignatureException|SignatureDoesNotMatch|RequestExpired)$/.test(code)) {
    const isClock = /expired|not yet current|too skewed/i.test(text) || code === 'RequestExpired';
    return said + (isClock ? clockHint(now) : '; the secret access key does not fit the access key');
  }
  return said + (HINTS[code] ?? '');
}
