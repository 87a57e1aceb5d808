import type { Upstream } from './config';
import { type HeaderList, headerOf, withHeader } from './headers';
import { bearerChallenge } from './realm';
import type { Route } from './route';
import { anonymousToken, MAX_TOKEN_DOCUMENT, readToken, tokenKey } from './token';
import type { Authorize, Forward, ResponseHead } from './verbs';

/** Token documents that a runtime holds, by what they are for. */
export interface Tokens {
  /** A document that is good for a while yet. */
  get(key: string): string | undefined;
}

/** The tokens that the proxy gets itself, for one request: anonymous ones, which nobody is asked to pay with a login for. */
export class Authorization {
  readonly #route: Route;
  readonly #tokens: Tokens;
  #waiting: Forward | undefined;

  constructor(route: Route, tokens: Tokens) {
    this.#route = route;
    this.#tokens = tokens;
  }

  /** The request with the token that is known to fit, where there is one. */
  prepare(first: Forward): Forward {
    const document =
      this.#route.upstream.auth === 'proxy'
        ? this.#tokens.get(tokenKey(this.#route.upstream, this.#route.repository))
        : undefined;
    const token = document === undefined ? undefined : readToken(document);
    return token === undefined ? first : withToken(first, token);
  }

  /**
   * What to do about a 401 that the client cannot answer: on a followed hop, or where the proxy authenticates. Undefined
   * where there is nothing left to try.
   */
  onUnauthorized(sent: Forward, head: ResponseHead): Authorize | undefined {
    const bearer = bearerChallenge(head.headers);
    if (!bearer || this.#waiting) return undefined;
    this.#waiting = sent;
    const { repository } = this.#route;
    const place: Upstream = { ...this.#route.upstream, url: sent.url };
    const request = anonymousToken(bearer.challenge, bearer.realm, repository, place, sent.headers);
    const spent = headerOf(sent.headers, 'authorization')?.replace(/^Bearer /, '');
    return { verb: 'authorize', request, limit: MAX_TOKEN_DOCUMENT, key: tokenKey(place, repository), spent };
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
