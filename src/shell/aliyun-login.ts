import type { AliyunAccount, AliyunKeys } from '../core/aliyun-account';
import { type AliyunAction, signAliyun } from './aliyun-signature';
import type { CloudLogin } from './cloud-login';
import { ask, type CloudFetch, type CloudResponse, clockHint, fieldsOf, refusal, textOf } from './cloud-request';

/** Seconds that ACR's temporary logins live, where the answer does not say. */
const LOGIN_LIFETIME = 3600;

/** ACR's GetAuthorizationToken: version 2018-12-01 for an Enterprise Edition, 2016-06-07 for the Personal one. */
export async function aliyunLogin(account: AliyunAccount, fetch: CloudFetch, now: () => number): Promise<CloudLogin> {
  const { keys } = account;
  const action = actionOf(account);
  const response = await ask(fetch, 'ACR', () => ({
    method: action.method,
    ...signAliyun(action, keys, now(), crypto.randomUUID()),
    ...(action.method === 'POST' && { body: '' }),
  }));
  const fields = fieldsOf(response);
  const data = (fields.data ?? fields) as Record<string, unknown>;
  const username = textOf(data.TempUsername ?? data.tempUserName);
  const password = textOf(data.AuthorizationToken ?? data.authorizationToken);
  // An Enterprise Edition says 200 of its refusals too.
  if (response.status !== 200 || fields.IsSuccess === false) throw new Error(describe(response, keys, now()));
  if (username === '' || password === '') throw new Error('ACR answers without a login');
  return { username, password, expiresIn: lifetimeOf(data.ExpireTime ?? data.expireDate, now()) };
}

function actionOf({ api, instanceId }: AliyunAccount): AliyunAction {
  const action = 'GetAuthorizationToken';
  if (instanceId === undefined)
    return { method: 'GET', api, path: '/tokens', query: [], action, version: '2016-06-07' };
  const query = [['InstanceId', instanceId]] as const;
  return { method: 'POST', api, path: '/', query, action, version: '2018-12-01' };
}

/** By a clock that may be wrong, so never longer than Aliyun gives it. */
function lifetimeOf(milliseconds: unknown, now: number): number {
  const seconds = typeof milliseconds === 'number' ? Math.floor((milliseconds - now) / 1000) : LOGIN_LIFETIME;
  return Math.max(0, Math.min(seconds, LOGIN_LIFETIME));
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^InvalidAccessKeyId/, '; the AccessKey has been deleted, or is disabled'],
  [/^(SignatureDoesNotMatch|IncompleteSignature)/, '; the AccessKey secret does not fit its id'],
  [/^InvalidSecurityToken/, '; the security token has run out'],
  [/^(Forbidden|NoPermission)/, '; the RAM user needs the permission cr:GetAuthorizationToken'],
  [/INSTANCE/i, '; look at instanceId and at the region'],
];

function describe(response: CloudResponse, { secret, token }: AliyunKeys, now: number): string {
  const { Code, code, Message, message } = fieldsOf(response);
  const named = textOf(Code ?? code);
  const said = refusal('ACR', response.status, named, Message ?? message, [secret, token]);
  if (/^InvalidTimeStamp/.test(named)) return said + clockHint(now);
  return said + (HINTS.find(([pattern]) => pattern.test(named))?.[1] ?? '');
}
