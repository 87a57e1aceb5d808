import { Authorization } from './authorization';
import { followsBlob } from './delivery';
import { RegistryError } from './errors';
import { checkStatus } from './failure';
import { type HeaderList, headerOf, withHeader } from './headers';
import type { Place } from './location';
import type { Memory } from './memory';
import { learnRealm } from './realm';
import { isRedirect, Redirects } from './redirect';
import { relayed, relayedProbe } from './relay';
import { Resumption, type Resumptions } from './resume';
import { isTransient, isTransientFailure, Retries } from './retry';
import { relayedSearch } from './search-answer';
import type { Authorize, Failure, Forward, ObtainLogin, Relay, ResponseHead, ResponseVerb } from './verbs';

/** What one request says to upstreams, and what they answer: retries, redirects, tokens, and the end of it, a relay. */
export class Conversation {
  readonly #place: Place;
  readonly #memory: Memory;
  readonly #retries: Retries;
  readonly #authorization: Authorization;
  /** What was asked first; retries and continuations start from it. */
  #first: Forward | undefined;
  #redirects: Redirects | undefined;
  #isRenewed = false;
  #isProbe = false;

  constructor(place: Place, memory: Memory) {
    this.#place = place;
    this.#memory = memory;
    this.#retries = new Retries(place.route.upstream.connection.timeouts);
    this.#authorization = new Authorization(place.route, memory);
  }

  /**
   * Asks the registry, with what is known to be needed.
   * @throws RegistryError 403 where the token server must not see our login
   */
  ask(first: Forward): Authorize | Forward | ObtainLogin {
    if (first.body !== 'client') return this.begin(this.#authorization.prepare(first));
    return this.#once(this.#authorization.prepareOnce(first));
  }

  /** The ping that came before a request whose body can be sent only once. */
  onPing(head: ResponseHead): Authorize | Forward | ObtainLogin {
    return this.#once(this.#authorization.onPing(head));
  }

  /** A login has been got from the registry's cloud. */
  onLogin(): Authorize | Forward | ObtainLogin | undefined {
    const verb = this.#authorization.onLogin();
    return verb && !this.#first ? this.#once(verb) : verb;
  }

  #once<Verb extends Authorize | Forward | ObtainLogin>(verb: Verb): Verb {
    if (verb.verb === 'forward' && verb.purpose !== 'ping') this.begin(verb);
    return verb;
  }

  begin(first: Forward): Forward {
    this.#first = first;
    this.#redirects = new Redirects(this.#place.route.upstream);
    this.#authorization.reset();
    return first;
  }

  /**
   * The same request again; undefined where its time is up.
   * @param elapsed milliseconds since the client's request came
   */
  retry(sent: Forward, elapsed: number, headers: HeaderList): Forward | undefined {
    const again = this.#retries.next(sent, elapsed, headers);
    return again && { ...(sent.purpose === 'hop' ? this.#renew() : sent), ...again };
  }

  /** @throws RegistryError 502; with its status where a search finds out nothing */
  onResponse(sent: Forward, head: ResponseHead, elapsed: number): ResponseVerb {
    if (sent.purpose === 'realm') return this.#relay(sent, head);
    if (sent.purpose === 'ping') return this.onPing(head);
    if (sent.purpose === 'search') return relayedSearch(head, this.#place);
    if (isRedirect(head) && this.#follows(sent, head)) return this.#follow(sent, head, elapsed);
    if (sent.purpose === 'hop') return this.#onHop(sent, head);
    return this.#onRegistry(sent, head);
  }

  /** @throws RegistryError 502 for a status that is none */
  onTransient(sent: Forward, head: ResponseHead, elapsed: number): Forward | undefined {
    checkStatus(head);
    return isTransient(head.status) ? this.retry(sent, elapsed, head.headers) : undefined;
  }

  onFailure(sent: Forward, failure: Failure, elapsed: number): Forward | undefined {
    return isTransientFailure(failure) ? this.retry(sent, elapsed, []) : undefined;
  }

  /** The token document that `authorize` asked for; empty where it was refused, undefined where none was to be had. */
  onToken(document: string | undefined): Forward | undefined {
    const next = this.#authorization.onToken(document);
    if (!next) return document === '' ? this.#another() : undefined;
    return this.#first ? next : this.begin(next);
  }

  /**
   * Makes what continues the body of this relay, or a part of it, when it has been cut; undefined where that is impossible.
   * All that it makes begin where the bytes came from last.
   */
  resumptions(relay: Relay, source: Forward): Resumptions | undefined {
    const first = this.#first;
    if (!relay.span || !first) return undefined;
    const { account } = this.#authorization;
    let latest = source;
    const onSource = (sent: Forward) => {
      latest = sent;
    };
    return (span) => new Resumption(first, latest, span, this.#place.route, account, onSource);
  }

  /** Back to the registry, for a fresh URL. */
  #renew(): Forward {
    return this.begin(this.#first as Forward);
  }

  #follows(sent: Forward, head: ResponseHead): boolean {
    const { config, route } = this.#place;
    const { upstream, kind } = route;
    // What a client fetches elsewhere cannot be kept.
    const isForCache = config.cache !== undefined && (kind === 'blob' || kind === 'manifest');
    const isDelivered = followsBlob(sent.method, head, this.#place);
    return (
      (isDelivered ?? (upstream.handleRedirect || isForCache)) &&
      ['GET', 'HEAD'].includes(sent.method) &&
      sent.purpose !== 'backend' &&
      kind !== 'upload'
    );
  }

  #follow(sent: Forward, head: ResponseHead, elapsed: number): Forward {
    const hop = (this.#redirects as Redirects).follow(sent, head);
    // All hops of a retry share what is left of its time.
    const next = this.#retries.count > 0 ? { ...hop, within: this.#retries.remaining(elapsed) } : hop;
    return next.method === 'HEAD' && next.url.query !== '' ? this.#probe() : next;
  }

  /**
   * A URL signed for GET answers HEAD with 403 (moby/moby#50065), so a redirected HEAD becomes a GET of one byte from
   * the registry on; its Content-Range has the length.
   */
  #probe(): Forward {
    this.#isProbe = true;
    const first = this.#first as Forward;
    return this.begin({ ...first, method: 'GET', headers: withHeader(first.headers, 'range', 'bytes=0-0') });
  }

  #onRegistry(sent: Forward, head: ResponseHead): ResponseVerb {
    const { upstream } = this.#place.route;
    if (sent.purpose !== 'registry') return this.#relay(sent, head);
    this.#authorization.onAnswer(sent, head);
    if (head.status === 401) {
      learnRealm(head, upstream, this.#memory.realms);
      const authorize = upstream.auth === 'proxy' ? this.#authorization.onUnauthorized(sent, head) : undefined;
      if (authorize) return authorize;
    }
    // A 403 to nobody is not about the account.
    const isShown = headerOf(sent.headers, 'authorization') !== undefined;
    const again = [401, 429].includes(head.status) || (head.status === 403 && isShown) ? this.#another() : undefined;
    return again ?? this.#relay(sent, head);
  }

  /** The same by another account of the registry. */
  #another(): Forward | undefined {
    const next = this.#first && this.#authorization.another(this.#first);
    return next && this.begin(next);
  }

  #onHop(sent: Forward, head: ResponseHead): ResponseVerb {
    const { status } = head;
    if ((status >= 200 && status < 300) || [304, 404, 416].includes(status)) return this.#relay(sent, head);
    if (sent.method === 'HEAD') return this.#probe();
    const authorize = status === 401 ? this.#authorization.onUnauthorized(sent, head) : undefined;
    if (authorize) return authorize;
    if (!this.#isRenewed) {
      this.#isRenewed = true;
      return this.#renew();
    }
    throw new RegistryError(502, 'UNAVAILABLE', `the registry's storage answers ${status}`, {
      host: sent.url.hostname,
      status,
    });
  }

  #relay(sent: Forward, head: ResponseHead): Relay {
    return this.#isProbe ? relayedProbe(sent, head, this.#place) : relayed(sent, head, this.#place);
  }
}
