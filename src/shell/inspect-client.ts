import { parameterOf } from '../core/challenge';
import { textOf } from '../core/doctor/answers';
import type { Seen } from '../core/doctor/evidence';
import { MAX_REDIRECTS } from '../core/doctor/judge-blob';
import { bearerIn, realmIn } from '../core/doctor/judge-login';
import { type HeaderList, headerOf } from '../core/headers';
import type { Wanted } from '../core/inspect/wanted';
import { joinQueries, printQuery } from '../core/query';
import { isRedirect } from '../core/redirect';
import { MAX_TOKEN_DOCUMENT, readToken } from '../core/token';
import { isSameOrigin, resolveUrl, type Url } from '../core/url';
import type { Door } from './doctor-door';

/** What is asked for below the repository. */
export interface Asked {
  readonly method: 'GET' | 'HEAD';
  /** `manifests/latest`. */
  readonly rest: string;
  readonly headers: HeaderList;
  /** Bytes that are read at most. */
  readonly limit: number;
  /** Algorithm of the digest that is wanted of the body. */
  readonly hash: string;
}

const AGENT: HeaderList = [['user-agent', 'registry-proxy inspect']];

/** Asks this very instance for an image as a client of the visitor's would: with the visitor's login or with none. */
export class InspectClient {
  readonly #door: Door;
  readonly #wanted: Wanted;
  readonly #login: string | undefined;
  /** A whole `Authorization` field. */
  #field: string | undefined;
  /** Under way: whoever needs the same waits for it. */
  #token: Promise<Seen> | undefined;

  /**
   * @param login the visitor's `Authorization`, of the scheme Basic
   * @param isFirst whether it is shown before anybody asks for one: not where it may be another registry's own
   */
  constructor(door: Door, wanted: Wanted, login: string | undefined, isFirst: boolean) {
    this.#door = door;
    this.#wanted = wanted;
    this.#login = login;
    this.#field = isFirst ? login : undefined;
  }

  /** What came at last: of a redirect what it led to, of a refused token what refused it. */
  async ask(asked: Asked): Promise<Seen> {
    const shown = this.#field;
    const seen = await this.#follow(asked);
    if (seen.status !== 401) return seen;
    if (shown === this.#field) {
      const refused = await this.#meet(seen);
      if (refused) return refused;
    }
    return this.#field === shown ? seen : this.#follow(asked);
  }

  /** Each hop; what is shown is for this instance alone. */
  async #follow(asked: Asked): Promise<Seen> {
    const { path, query, place } = this.#wanted;
    let url: Url = { ...place.origin, path: path + asked.rest, query };
    for (let hops = 0; ; hops += 1) {
      const isOwn = isSameOrigin(url, { ...place.origin, path: '', query: '' });
      const field: HeaderList = isOwn && this.#field !== undefined ? [['authorization', this.#field]] : [];
      const { method, headers, limit, hash } = asked;
      const all = [...AGENT, ...headers, ...field];
      const seen = await this.#door.ask({ method, url, headers: all, take: limit, keep: limit, hash });
      const next = isRedirect({ status: seen.status ?? 0, headers: seen.headers })
        ? resolveUrl(headerOf(seen.headers, 'location') ?? '', url)
        : undefined;
      if (!next || hops === MAX_REDIRECTS) return seen;
      url = next;
    }
  }

  /** Finds out what to show. @returns the answer that refuses it */
  async #meet(seen: Seen): Promise<Seen | undefined> {
    const challenge = bearerIn(seen);
    const realm = challenge && realmIn(challenge);
    if (!challenge || !realm) {
      this.#field = this.#login;
      return undefined;
    }
    const named = (['service', 'scope'] as const).flatMap((name) => {
      const value = parameterOf(challenge, name);
      return value === undefined ? [] : [[name, value] as const];
    });
    this.#token ??= this.#obtain(realm, joinQueries(realm.query, printQuery(named)));
    const answer = await this.#token;
    const token = answer.status === 200 && answer.ending === 'whole' ? readToken(textOf(answer.start)) : undefined;
    if (token !== undefined) this.#field = `Bearer ${token}`;
    return answer.status === 200 ? undefined : answer;
  }

  /** Tokens are given by this instance, by whatever name it calls itself. */
  #obtain({ path }: Url, query: string): Promise<Seen> {
    const url: Url = { ...this.#wanted.place.origin, path, query };
    const login: HeaderList = this.#login === undefined ? [] : [['authorization', this.#login]];
    const take = MAX_TOKEN_DOCUMENT;
    return this.#door.ask({ method: 'GET', url, headers: [...AGENT, ...login], take, keep: take });
  }
}
