import { type Account, accountId } from './account';
import { basicLogin } from './basic';
import { type Challenge, parameterOf } from './challenge';
import type { Config, Upstream } from './config';
import { RegistryError } from './errors';
import { type HeaderList, headerOf, withHeader } from './headers';
import { joinQueries, printQuery, valuesOf, withoutParameters } from './query';
import type { Realm } from './realm';
import { splitScopes, upstreamScope } from './scope';
import { checkCallable, mayReceiveCredentials } from './trust';
import { originOf, type Url } from './url';
import type { Forward } from './verbs';

/** A token request's body: a login, or a refresh token (Azure's are about 5 KB), and scopes. */
export const MAX_TOKEN_REQUEST = 64 * 1024;

/** Fields of an OAuth2 form that prove who asks (RFC 6749, RFC 7521). */
const SECRETS = ['password', 'refresh_token', 'code', 'client_secret', 'assertion', 'client_assertion'];

/** A token document; Harbor and GitLab list every scope in a JWT. */
export const MAX_TOKEN_DOCUMENT = 256 * 1024;

/**
 * A client's GET /token as the upstream's own realm understands it (distribution, "Token Authentication
 * Specification"): every scope kept and completed, the upstream's service, the client's login.
 * @throws RegistryError 403 where the realm must not see that login
 */
export function tokenQuery(
  query: string,
  headers: HeaderList,
  realm: Realm,
  upstream: Upstream,
  config: Config,
): Forward {
  const scopes = splitScopes(valuesOf(query, 'scope')).map((scope) => upstreamScope(scope, upstream, config));
  const own = printQuery([
    ...(realm.service === undefined ? [] : [['service', realm.service] as const]),
    ...scopes.map((scope) => ['scope', scope] as const),
  ]);
  const rest = withoutParameters(query, 'service', 'scope', 'ns');
  const login =
    headerOf(headers, 'authorization') !== undefined || SECRETS.some((name) => valuesOf(query, name).length > 0);
  return realmRequest('GET', headers, realm, upstream, login, { query: joinQueries(own, rest), body: 'none' });
}

/**
 * A client's POST /token (OAuth2, distribution "oauth2.md"): scopes stand in one value, with spaces between.
 * @throws RegistryError 403 where the realm must not see what the form carries
 */
export function tokenForm(
  form: string,
  headers: HeaderList,
  realm: Realm,
  upstream: Upstream,
  config: Config,
): Forward {
  const fields = new URLSearchParams(form);
  const scopes = splitScopes(fields.getAll('scope')).map((scope) => upstreamScope(scope, upstream, config));
  if (scopes.length > 0) fields.set('scope', scopes.join(' '));
  if (realm.service !== undefined) fields.set('service', realm.service);
  const login = headerOf(headers, 'authorization') !== undefined || SECRETS.some((name) => fields.has(name));
  return realmRequest('POST', headers, realm, upstream, login, { query: '', body: fields.toString() });
}

function realmRequest(
  method: string,
  headers: HeaderList,
  realm: Realm,
  upstream: Upstream,
  login: boolean,
  { query, body }: { query: string; body: string },
): Forward {
  checkCallable(realm.url, upstream, 'the token realm');
  if (login && !mayReceiveCredentials(realm.url, upstream)) {
    throw new RegistryError(
      403,
      'DENIED',
      'the registry names a token server of another domain; no login is sent there',
      {
        registry: upstream.name,
        realm: originOf(realm.url),
        hint: 'do without a login here, or log in at that registry directly',
      },
    );
  }
  const url = { ...realm.url, query: joinQueries(realm.url.query, query) };
  const form: HeaderList = body === 'none' ? [] : [['content-type', 'application/x-www-form-urlencoded']];
  const kept = headers.filter(([name]) =>
    ['accept', 'authorization', 'user-agent', 'accept-encoding', 'via'].includes(name),
  );
  return {
    verb: 'forward',
    method,
    url,
    headers: [...kept, ...form],
    body: body === 'none' ? 'none' : body,
    reach: upstream.reach,
    connection: upstream.connection,
    purpose: 'realm',
  };
}

/**
 * A token of the proxy's own for what a challenge asks: by the login of an account where there is one, else an
 * anonymous one. Also used where the client's token cannot serve: on a followed hop, and when it has run out in the
 * middle of a blob.
 * @throws RegistryError 403 where the realm must not see the login
 */
export function ownToken(
  challenge: Challenge,
  realm: Realm,
  repository: string,
  upstream: Upstream,
  headers: HeaderList,
  account?: Account,
): Forward {
  const scopes = splitScopes([parameterOf(challenge, 'scope') ?? `repository:${repository}:pull`]);
  return tokenForScopes(scopes, realm, upstream, headers, account);
}

/**
 * A token of the proxy's own for a request whose body can be sent only once, and so must come with the right one.
 * @param sources repositories that blobs are mounted from
 * @throws RegistryError 403 where the realm must not see the login
 */
export function writeToken(
  realm: Realm,
  repository: string,
  sources: readonly string[],
  upstream: Upstream,
  headers: HeaderList,
  account?: Account,
): Forward {
  const scopes = [`repository:${repository}:pull,push`, ...sources.map((source) => `repository:${source}:pull`)];
  return tokenForScopes(scopes, realm, upstream, headers, account);
}

function tokenForScopes(
  scopes: readonly string[],
  realm: Realm,
  upstream: Upstream,
  headers: HeaderList,
  account: Account | undefined,
): Forward {
  const query = printQuery([
    ...(realm.service === undefined ? [] : [['service', realm.service] as const]),
    ...scopes.map((scope) => ['scope', scope] as const),
  ]);
  const login = account?.kind === 'login' ? basicLogin(account) : undefined;
  const own = withHeader(headers, 'authorization', login);
  return realmRequest('GET', own, realm, upstream, login !== undefined, { query, body: 'none' });
}

/**
 * Names a token of ours, and by whose right it was got: an anonymous request never finds one that a login paid for.
 * @param owner of the account: two registries may share an address, and user names, and still have different rights
 */
export function tokenKey(
  url: Url,
  account: Account | undefined,
  owner: Upstream,
  repository: string,
  action = 'pull',
): string {
  const holder = account === undefined ? '' : `${owner.name} ${accountId(account)}`;
  return `${holder}@${originOf(url)}/${repository}${action === 'pull' ? '' : ` ${action}`}`;
}

/** `token`, or `access_token` as some registries call it; undefined where there is none. */
export function readToken(document: string): string | undefined {
  try {
    const { token, access_token: accessToken } = JSON.parse(document) as Record<string, unknown>;
    const value = token || accessToken;
    return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds that a token lives where its document does not say (distribution, "Token Authentication Specification"). */
const DEFAULT_LIFETIME = 60;

/** Longest time that a token is used, however long it would live, so that a right that was taken away is soon gone. */
const MAX_LIFETIME = 3600;

/** Seconds that a token is good for, as its document says. */
export function tokenSeconds(document: string): number {
  try {
    const { expires_in: seconds } = JSON.parse(document) as Record<string, unknown>;
    return typeof seconds === 'number' && seconds > 0 ? seconds : DEFAULT_LIFETIME;
  } catch {
    return 0;
  }
}

/** Milliseconds for which a token that came just now may be used: a good part of its life, so that no request outlives it. */
export function tokenLifetime(document: string): number {
  return Math.min(tokenSeconds(document), MAX_LIFETIME) * 800;
}
