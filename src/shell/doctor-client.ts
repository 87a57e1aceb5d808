import { parameterOf } from '../core/challenge';
import { textOf } from '../core/doctor/answers';
import type { Evidence, Seen } from '../core/doctor/evidence';
import { MAX_REDIRECTS } from '../core/doctor/judge-blob';
import { bearerIn, realmIn } from '../core/doctor/judge-login';
import type { HeaderList } from '../core/headers';
import { headerOf } from '../core/headers';
import { joinQueries, printQuery } from '../core/query';
import { isRedirect } from '../core/redirect';
import { MAX_TOKEN_DOCUMENT, readToken, tokenSeconds } from '../core/token';
import { isSameOwner } from '../core/trust';
import { isSameHost, isSameOrigin, resolveUrl, type Url } from '../core/url';
import type { Door, Question } from './doctor-door';

/** Evidence while it is gathered. */
export type Gathered = { -readonly [Key in keyof Evidence]: Evidence[Key] };

export type Asked = Pick<Question, 'take' | 'keep' | 'hash' | 'body'> & {
  readonly method: string;
  /** Below the path of the target; or a whole URL, which the target has named itself. */
  readonly at: string | Url;
  readonly headers?: HeaderList;
};

/** Bytes of an answer in words that are kept. */
export const MAX_WORDS = 16 * 1024;

const AGENT: HeaderList = [['user-agent', 'registry-proxy doctor']];

/** Asks a registry as clients do: with a token where one is asked for, over redirects where they lead away. */
export class DoctorClient {
  readonly #door: Door;
  readonly #login: string | undefined;
  readonly #evidence: Gathered;
  readonly #fields = new Map<string, string>();

  /** @param login a whole `Authorization` field; a token is shown always */
  constructor(door: Door, evidence: Gathered, login: string | undefined) {
    this.#door = door;
    this.#evidence = evidence;
    this.#login = login;
  }

  /** Without a login. */
  async plain(method: string, path: string): Promise<Seen> {
    return this.#send({ method, at: path, take: MAX_WORDS, keep: MAX_WORDS }, []);
  }

  /** @param right what the token must allow: one is got for each */
  async ask(asked: Asked, right: 'pull' | 'push' = 'pull'): Promise<Seen> {
    const seen = await this.#send(asked, this.#fieldFor(right));
    if (seen.status !== 401 || /^bearer /i.test(this.#login ?? '')) return seen;
    if (right === 'pull') this.#evidence.unauthorized ??= seen;
    const field = await this.#meet(seen, right);
    if (field === undefined || field === this.#fields.get(right)) return seen;
    this.#fields.set(right, field);
    return this.#send(asked, this.#fieldFor(right));
  }

  /** Each hop; the login and the token go to the first origin alone. */
  async follow(asked: Asked): Promise<readonly Seen[]> {
    const hops = [await this.ask(asked)];
    for (;;) {
      const last = hops[hops.length - 1] as Seen;
      const location = headerOf(last.headers, 'location') ?? '';
      const next = isRedirect({ status: last.status ?? 0, headers: last.headers })
        ? resolveUrl(location, last.url)
        : undefined;
      if (!next || hops.length > MAX_REDIRECTS) return hops;
      const own = isSameOrigin(next, this.#evidence.target) ? this.#fieldFor('pull') : [];
      hops.push(await this.#door.ask(this.#question(asked, next, own)));
    }
  }

  #send(asked: Asked, field: HeaderList): Promise<Seen> {
    const { target } = this.#evidence;
    const { at } = asked;
    if (typeof at !== 'string') return this.#door.ask(this.#question(asked, at, isSameOrigin(at, target) ? field : []));
    const [path = '', query] = at.split('?');
    const url = { ...target, path: target.path + path, query: query === undefined ? '' : `?${query}` };
    return this.#door.ask(this.#question(asked, url, field));
  }

  #question({ at: _, headers = [], ...rest }: Asked, url: Url, field: HeaderList): Question {
    return { ...rest, url, headers: [...AGENT, ...headers, ...field] };
  }

  #fieldFor(right: string): HeaderList {
    const field = /^bearer /i.test(this.#login ?? '') ? this.#login : this.#fields.get(right);
    return field === undefined ? [] : [['authorization', field]];
  }

  /** What is shown next, as a challenge asks for it. */
  async #meet(seen: Seen, right: string): Promise<string | undefined> {
    const challenge = bearerIn(seen);
    if (!challenge) return this.#login;
    const realm = realmIn(challenge);
    if (!realm) return undefined;
    const scope = parameterOf(challenge, 'scope');
    const service = parameterOf(challenge, 'service');
    const query = (scopes: readonly string[]) => {
      const named = service === undefined ? [] : [['service', service] as const];
      return joinQueries(realm.query, printQuery([...named, ...scopes.map((each) => ['scope', each] as const)]));
    };
    const scopes = scope === undefined ? [] : [scope];
    const document = await this.#obtain(realm, query(scopes), right === 'pull' ? 'token' : undefined);
    if (right === 'pull' && scope !== undefined) await this.#obtain(realm, query([scope, scope]), 'scopes');
    const token = document === undefined ? undefined : readToken(document);
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  /** The document; what is taken note of of the answer is without it. */
  async #obtain(realm: Url, query: string, as: 'token' | 'scopes' | undefined): Promise<string | undefined> {
    const { target, isOurs } = this.#evidence;
    // An instance of ours gives tokens itself, by whatever name it calls itself.
    const url = { ...(isOurs ? { ...target, path: realm.path } : realm), query };
    const isKnown = isSameHost(url, target) ? url.scheme === target.scheme : isSameOwner(url, target);
    const login: HeaderList = this.#login !== undefined && isKnown ? [['authorization', this.#login]] : [];
    const take = MAX_TOKEN_DOCUMENT;
    const seen = await this.#door.ask({ method: 'GET', url, headers: [...AGENT, ...login], take, keep: take });
    const isGiven = seen.status === 200 && seen.ending === 'whole';
    const document = isGiven ? textOf(seen.start) : undefined;
    const isToken = document !== undefined && readToken(document) !== undefined;
    if (as) this.#evidence[as] = { ...seen, start: isGiven ? new Uint8Array() : seen.start };
    if (as === 'token' && isToken) this.#evidence.lifetime = tokenSeconds(document);
    return isToken ? document : undefined;
  }
}
