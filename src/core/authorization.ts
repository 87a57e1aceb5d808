import { type HeaderList, headerOf, withHeader } from './headers';
import { asksForLogin, bearerChallenge, bearerOf, type Realms } from './realm';
import type { Route } from './route';
import { basicLogin, MAX_TOKEN_DOCUMENT, ownToken, readToken, tokenKey } from './token';
import { isSameOrigin } from './url';
import type { Authorize, Forward, ResponseHead } from './verbs';

/** Token documents that a runtime holds, by what they are for. */
export interface Tokens {
  /** A document that is good for a while yet. */
  get(key: string): string | undefined;
}

/** What the proxy shows upstream by its own right, for one request: tokens, and the logins that an upstream was given. */
export class Authorization {
  readonly #route: Route;
  readonly #realms: Realms;
  readonly #tokens: Tokens;
  #waiting: Forward | undefined;

  constructor(route: Route, realms: Realms, tokens: Tokens) {
    this.#route = route;
    this.#realms = realms;
    this.#tokens = tokens;
  }

  /** The request with what is known to fit, where the proxy authenticates. */
  prepare(first: Forward): Forward {
    const { upstream, repository } = this.#route;
    if (upstream.auth !== 'proxy') return first;
    if (this.#realms.get(upstream.name)?.isBasic) return this.#withLogin(first) ?? first;
    const document = this.#tokens.get(tokenKey(upstream, repository));
    const token = document === undefined ? undefined : readToken(document);
    return token === undefined ? first : withToken(first, token);
  }

  /**
   * What to do about a 401 that the client cannot answer: on a followed hop, or where the proxy authenticates. Undefined
   * where there is nothing left to try.
   * @throws RegistryError 403 where the realm must not see the upstream's login
   */
  onUnauthorized(sent: Forward, head: ResponseHead): Authorize | Forward | undefined {
    if (this.#waiting) return undefined;
    this.#waiting = sent;
    const bearer = bearerChallenge(head.headers);
    if (!bearer) return asksForLogin(head.headers) ? this.#withLogin(sent) : undefined;
    const { repository, upstream } = this.#route;
    // A hop to somewhere else asks for a token of its own, and the upstream's login is not for it.
    const isUpstream = isSameOrigin(sent.url, upstream.url);
    const place = isUpstream ? upstream : { ...upstream, url: sent.url, credentials: undefined };
    const request = ownToken(bearer.challenge, bearer.realm, repository, place, sent.headers);
    const spent = bearerOf(sent.headers);
    return { verb: 'authorize', request, limit: MAX_TOKEN_DOCUMENT, key: tokenKey(place, repository), spent };
  }

  /** Undefined where it has been shown already, or is meant for somebody else. */
  #withLogin(forward: Forward): Forward | undefined {
    const { credentials, url } = this.#route.upstream;
    if (!credentials || !isSameOrigin(forward.url, url)) return undefined;
    const login = basicLogin(credentials);
    if (headerOf(forward.headers, 'authorization') === login) return undefined;
    return { ...forward, headers: withHeader(forward.headers, 'authorization', login) };
  }

  /** The request that waited, with its token; undefined where the document holds none. */
  onToken(document: string | undefined): Forward | undefined {
    const token = document === undefined ? undefined : readToken(document);
    return this.#waiting && token !== undefined ? withToken(this.#waiting, token) : undefined;
  }

  /** A new chain of requests begins, which may need its own token. */
  reset(): void {
    this.#waiting = undefined;
  }
}

function withToken(forward: Forward, token: string): Forward {
  const headers: HeaderList = withHeader(forward.headers, 'authorization', `Bearer ${token}`);
  return { ...forward, headers };
}
