import type { Account, FixedHeader, Login } from './account';
import { actionOf } from './actions';
import { isAddress } from './addresses';
import { basicLogin } from './basic';
import { pingForward } from './forwards';
import { AGENT, type HeaderList, headerOf, requestHeaders, withHeader } from './headers';
import type { Memory } from './memory';
import { valuesOf } from './query';
import { asksForLogin, bearerChallenge, bearerOf, learnRealm, upstreamChallenge } from './realm';
import type { Route } from './route';
import { MAX_TOKEN_DOCUMENT, ownToken, readToken, tokenKey, writeToken } from './token';
import { isSameOrigin } from './url';
import type { Authorize, Forward, ObtainLogin, ResponseHead } from './verbs';

/** What the proxy shows upstream by its own right, for one request: tokens, and the accounts that an upstream was given. */
export class Authorization {
  readonly #route: Route;
  readonly #memory: Memory;
  readonly #tried = new Set<Account>();
  #account: Account | undefined;
  #waiting: Forward | undefined;
  #isPinged = false;
  #isLoginNew = false;
  /** What goes on when a login has been got. */
  #onLogin: (() => Authorize | Forward | ObtainLogin | undefined) | undefined;

  constructor(route: Route, memory: Memory) {
    this.#route = route;
    this.#memory = memory;
    this.#account = memory.quotas.choose(route.upstream, this.#tried);
  }

  /** What there is to show by now. */
  get account(): Login | FixedHeader | undefined {
    const account = this.#account;
    if (account?.kind !== 'cloud') return account;
    const document = this.#memory.tokens.get(this.#loginKey);
    return document === undefined ? undefined : readLogin(document);
  }

  /** The request with what is known to fit, where the proxy authenticates. */
  prepare(first: Forward): Forward {
    const { upstream } = this.#route;
    if (upstream.auth !== 'proxy') return first;
    const account = this.account;
    if (account?.kind === 'header') return withAuthorization(first, account.value);
    if (this.#memory.realms.get(upstream.name)?.isBasic) return this.#withLogin(first) ?? first;
    const document = this.#memory.tokens.get(this.#key(first));
    const token = document === undefined ? undefined : readToken(document);
    return token === undefined ? first : withAuthorization(first, `Bearer ${token}`);
  }

  /**
   * What comes before a request whose body can be sent only once: its realm is found out, and its token got. The request
   * itself where nothing has to.
   * @throws RegistryError 403 where the realm must not see the upstream's login
   */
  prepareOnce(first: Forward): Authorize | Forward | ObtainLogin {
    const { upstream, repository, query } = this.#route;
    const prepared = this.prepare(first);
    const isReady = headerOf(prepared.headers, 'authorization') !== undefined;
    if (upstream.auth !== 'proxy' || isReady || this.#isPinged) return prepared;
    const realm = this.#memory.realms.get(upstream.name);
    this.#waiting = first;
    if (!realm) {
      this.#isPinged = true;
      return pingForward(requestHeaders([], AGENT), upstream);
    }
    const obtain = this.#obtainLogin(() => this.prepareOnce(first));
    if (obtain) return obtain;
    if (realm.isBasic) return prepared;
    const sources = valuesOf(query, 'from');
    const request = writeToken(realm, repository, sources, upstream, first.headers, this.account);
    return { verb: 'authorize', request, limit: MAX_TOKEN_DOCUMENT, key: this.#key(first) };
  }

  /** What the ping taught has been taken note of. */
  onPing(head: ResponseHead): Authorize | Forward | ObtainLogin {
    const first = this.#waiting as Forward;
    const realm = learnRealm(head, this.#route.upstream, this.#memory.realms);
    this.#isPinged = realm === undefined;
    return this.prepareOnce(first);
  }

  #key({ method }: Pick<Forward, 'method'>): string {
    const { upstream, repository, kind } = this.#route;
    return tokenKey(upstream.url, this.#account, upstream, repository, actionOf(method, kind));
  }

  /**
   * What to do about a 401 that the client cannot answer: on a followed hop, or where the proxy authenticates. Undefined
   * where there is nothing left to try.
   * @throws RegistryError 403 where the realm must not see the upstream's login
   */
  onUnauthorized(sent: Forward, head: ResponseHead): Authorize | Forward | ObtainLogin | undefined {
    if (this.#waiting || this.#account?.kind === 'header') return undefined;
    if (sent.body === 'client') {
      // It cannot be sent again, but the next one need not meet the same.
      this.#memory.tokens.delete(this.#key(sent));
      return undefined;
    }
    const { repository, upstream } = this.#route;
    const isUpstream = isSameOrigin(sent.url, upstream.url);
    const again = () => this.onUnauthorized(sent, head);
    const obtain = isUpstream ? this.#obtainLogin(again) : undefined;
    if (obtain) return obtain;
    this.#waiting = sent;
    const bearer = isUpstream ? upstreamChallenge(head, upstream) : bearerChallenge(head.headers);
    if (!bearer) return asksForLogin(head.headers) ? (this.#withLogin(sent) ?? this.#renewLogin(again)) : undefined;
    // A hop to somewhere else asks for a token of its own, and the upstream's login is not for it.
    const account = isUpstream ? this.account : undefined;
    const request = ownToken(bearer.challenge, bearer.realm, repository, upstream, sent.headers, account);
    const key = isUpstream ? this.#key(sent) : tokenKey(sent.url, undefined, upstream, repository);
    return { verb: 'authorize', request, limit: MAX_TOKEN_DOCUMENT, key, spent: bearerOf(sent.headers) };
  }

  /** Takes note of how much the registry lets this account pull yet, or whoever has none. */
  onAnswer(sent: Forward, { status, headers }: ResponseHead): void {
    const { upstream } = this.#route;
    const isShown = headerOf(sent.headers, 'authorization') !== undefined;
    // What a client's own account may pull is none of ours.
    if (upstream.auth === 'relay' && isShown && !isOfNobody(headers)) return;
    this.#memory.quotas.note(upstream, isShown ? this.#account : undefined, status, headers);
  }

  /** The request by the next account, where this one is used up or refused; undefined where each has been tried. */
  another(first: Forward): Forward | undefined {
    const { upstream } = this.#route;
    if (!this.#account || upstream.accounts.length < 2 || first.body === 'client') return undefined;
    this.#tried.add(this.#account);
    const next = this.#memory.quotas.choose(upstream, this.#tried);
    if (!next) return undefined;
    this.#account = next;
    return this.prepare({ ...first, headers: withHeader(first.headers, 'authorization', undefined) });
  }

  /** Undefined where it has been shown already, or is meant for somebody else. */
  #withLogin(forward: Forward): Forward | undefined {
    const account = this.account;
    if (account?.kind !== 'login' || !isSameOrigin(forward.url, this.#route.upstream.url)) return undefined;
    const login = basicLogin(account);
    return headerOf(forward.headers, 'authorization') === login ? undefined : withAuthorization(forward, login);
  }

  /** The request that waited, with its token; undefined where the document holds none. */
  onToken(document: string | undefined): Forward | undefined {
    const token = document === undefined ? undefined : readToken(document);
    return this.#waiting && token !== undefined ? withAuthorization(this.#waiting, `Bearer ${token}`) : undefined;
  }

  /** A login has been got, and is in the memory. */
  onLogin(): Authorize | Forward | ObtainLogin | undefined {
    const resume = this.#onLogin;
    this.#onLogin = undefined;
    this.#waiting = undefined;
    return resume?.();
  }

  /** Undefined where none has to be got first, and where one has been got for this request already. */
  #obtainLogin(then: () => Authorize | Forward | ObtainLogin | undefined): ObtainLogin | undefined {
    const account = this.#account;
    if (account?.kind !== 'cloud' || this.account || this.#isLoginNew) return undefined;
    this.#onLogin = then;
    this.#isLoginNew = true;
    const { hostname } = this.#route.upstream.url;
    return { verb: 'login', account: account.account, host: hostname, key: this.#loginKey };
  }

  /** One that was got a while ago may have been taken back. */
  #renewLogin(then: () => Authorize | Forward | ObtainLogin | undefined): ObtainLogin | undefined {
    if (this.#account?.kind !== 'cloud' || this.#isLoginNew) return undefined;
    this.#memory.tokens.delete(this.#loginKey);
    return this.#obtainLogin(then);
  }

  get #loginKey(): string {
    return `login ${this.#route.upstream.name}`;
  }

  /** A new chain of requests begins, which may need its own token. */
  reset(): void {
    this.#waiting = undefined;
  }
}

/** Docker Hub names the address where pulls are counted by it, and else whose they are (docs.docker.com, "Pull usage and limits"). */
function isOfNobody(headers: HeaderList): boolean {
  return isAddress(headerOf(headers, 'docker-ratelimit-source') ?? '');
}

/** The document of a login as a runtime keeps it. */
function readLogin(document: string): Login {
  const { username, password } = JSON.parse(document) as Record<string, string>;
  return { kind: 'login', username, password };
}

function withAuthorization(forward: Forward, value: string): Forward {
  return { ...forward, headers: withHeader(forward.headers, 'authorization', value) };
}
