import type { IncomingMessage } from 'node:http';
import { type Challenge, parameterOf, parseChallenges } from '../core/challenge';
import { type HeaderList, headersOf } from '../core/headers';
import { PrefetchFault } from '../core/prefetch';
import { printQuery } from '../core/query';
import { readToken } from '../core/token';
import { parseUrl } from '../core/url';
import { readSmallBody } from './small-body';

/** A whole `Authorization` field, of a login or of a token; undefined for nobody's. */
export type Login = string | undefined;

/** Sends a GET to the proxy. */
type Get = (target: string, headers: HeaderList) => Promise<IncomingMessage>;

/** Bytes of a token document that the proxy passes on; Harbor and GitLab list every scope in a JWT. */
const MAX_TOKEN_BYTES = 256 * 1024;

/** Milliseconds for a token document. */
const TOKEN_TIMEOUT = 30_000;

/** What a client shows a proxy: what each repository's challenge asked for at last. */
export class ProxyLogin {
  readonly #login: Login;
  readonly #get: Get;
  readonly #fields = new Map<string, string>();

  constructor(login: Login, get: Get) {
    this.#login = login;
    this.#get = get;
  }

  /** @param key of a repository */
  fieldsFor(key: string): HeaderList {
    const field = isToken(this.#login) ? this.#login : this.#fields.get(key);
    return field === undefined ? [] : [['authorization', field]];
  }

  /**
   * Gets what the challenges of a 401 ask for.
   * @returns whether there is something to show now that was not shown before
   * @throws PrefetchFault where a login is wanted and there is none, and where a token cannot be had
   */
  async meet(key: string, headers: HeaderList): Promise<boolean> {
    if (isToken(this.#login)) return false;
    const challenges = headersOf(headers, 'www-authenticate').flatMap(parseChallenges);
    const bearer = challenges.find(({ scheme }) => scheme.toLowerCase() === 'bearer');
    const shown = this.#fields.get(key);
    if (bearer) this.#fields.set(key, `Bearer ${await this.#obtain(bearer)}`);
    else if (this.#login === undefined) throw new PrefetchFault('the proxy wants a login');
    else this.#fields.set(key, this.#login);
    return this.#fields.get(key) !== shown;
  }

  /** From the proxy itself, by whatever name it calls itself: a login goes nowhere else. */
  async #obtain(challenge: Challenge): Promise<string> {
    const realm = parseUrl(parameterOf(challenge, 'realm') ?? '');
    if (!realm?.path.endsWith('/token')) throw new PrefetchFault('the proxy sends for a token to where it has none');
    const query = ['service', 'scope'].flatMap((name) => {
      const value = parameterOf(challenge, name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const login: HeaderList = this.#login === undefined ? [] : [['authorization', this.#login]];
    const response = await this.#get(realm.path + printQuery(query), login);
    try {
      if (response.statusCode !== 200) throw new PrefetchFault(`no token is given: ${response.statusCode}`);
      const { chunks, isLonger } = await readSmallBody(response, MAX_TOKEN_BYTES, TOKEN_TIMEOUT);
      const token = isLonger ? undefined : readToken(Buffer.concat(chunks).toString());
      if (token === undefined) throw new PrefetchFault('the token document holds no token');
      return token;
    } finally {
      response.destroy();
    }
  }
}

function isToken(login: Login): boolean {
  return /^bearer /i.test(login ?? '');
}
