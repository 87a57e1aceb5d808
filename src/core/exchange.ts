import { Authorization, type Tokens } from './authorization';
import { checkAddress } from './client-rules';
import type { Config } from './config';
import { answerOptions } from './cors';
import { answerError, RegistryError } from './errors';
import { checkStatus, failureError } from './failure';
import { registryForward } from './forwards';
import { countVia, type HeaderList, MAX_VIA, withHeader } from './headers';
import { checkImage } from './image-rules';
import { checkFraming, checkKnownMethod, checkMethod } from './methods';
import { originOfRequest } from './origin';
import { askOutside } from './outside';
import { answerAsProxy, noTokens, tokenError } from './proxy-mode';
import { learnRealm, type Realms } from './realm';
import { isRedirect, Redirects } from './redirect';
import { relayed, relayedProbe } from './relay';
import { Resumption } from './resume';
import { isTransient, isTransientFailure, Retries } from './retry';
import { type Route, routeOf } from './route';
import type { Origin } from './setting-readers';
import { TokenEndpoint } from './token-endpoint';
import type { Answer, Failure, Forward, Relay, RequestHead, RequestVerb, ResponseHead, ResponseVerb } from './verbs';

/**
 * One client request and everything that is decided about it (docs/request-handling.md has the same story, numbered).
 * A runtime asks `onRequest` first, carries out the verb it gets, and brings what came of it to the method of that name.
 */
export class Exchange {
  readonly #config: Config;
  readonly #realms: Realms;
  readonly #head: RequestHead;
  readonly #tokenStore: Tokens;
  readonly #retries: Retries;
  #route: Route | undefined;
  #origin: Origin | undefined;
  /** What the registry was asked first; retries and continuations start from it. */
  #first: Forward | undefined;
  #redirects: Redirects | undefined;
  #isRenewed = false;
  #isProbe = false;
  #authorization: Authorization | undefined;
  #tokens: TokenEndpoint | undefined;

  constructor(config: Config, realms: Realms, head: RequestHead, tokens: Tokens = new Map()) {
    this.#tokenStore = tokens;
    this.#retries = new Retries(config.timeouts);
    this.#config = config;
    this.#realms = realms;
    this.#head = head;
  }

  get route(): Route | undefined {
    return this.#route;
  }

  onRequest(): RequestVerb {
    return this.#catching(() => {
      const { method, target, headers } = this.#head;
      checkAddress(this.#head, this.#config);
      checkKnownMethod(method);
      checkFraming(this.#head);
      if (method === 'OPTIONS') return answerOptions();
      this.#origin = originOfRequest(this.#head, this.#config);
      this.#route = routeOf(target, this.#config, this.#origin?.hostname);
      checkMethod(method, this.#route.kind);
      checkImage(this.#route, this.#config);
      if (!this.#origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
      if (countVia(headers) > MAX_VIA) {
        throw new RegistryError(508, 'UNAVAILABLE', 'the proxy is its own upstream', {
          hint: 'REGISTRY_BACKEND leads back to this proxy',
        });
      }
      this.#authorization = new Authorization(this.#route, this.#realms, this.#tokenStore);
      return this.#ask(this.#route);
    });
  }

  /** The client's small body has been read, as the verb `read` asked. */
  onBody(body: string): RequestVerb {
    return this.#catching(() => (this.#tokens as TokenEndpoint).onForm(body));
  }

  /** @param elapsed milliseconds since the client's request came */
  onResponse(sent: Forward, head: ResponseHead, elapsed: number): ResponseVerb {
    return this.#catching((): ResponseVerb => {
      checkStatus(head);
      const again = isTransient(head.status) ? this.#retry(sent, elapsed, head.headers) : undefined;
      if (again) return again;
      if (sent.purpose === 'ping') return (this.#tokens as TokenEndpoint).onPing(head);
      if (sent.purpose === 'realm') return this.#relay(sent, head);
      if (isRedirect(head) && this.#follows(sent)) return this.#follow(sent, head, elapsed);
      if (sent.purpose === 'hop') return this.#onHop(sent, head);
      return this.#onRegistry(sent, head);
    });
  }

  onFailure(sent: Forward, failure: Failure, elapsed: number): Answer | Forward {
    const again = isTransientFailure(failure) ? this.#retry(sent, elapsed, []) : undefined;
    return again ?? answerError(failureError(sent, failure, this.#known.upstream));
  }

  /** The token document that `authorize` asked for; empty where it was refused, undefined where none was to be had. */
  onToken(document: string | undefined): Answer | Forward {
    const next = this.#authorization?.onToken(document);
    return next ?? answerError(tokenError(document === '', this.#known));
  }

  /** Continues the body of this relay when it has been cut; undefined where that is impossible. */
  resumption(relay: Relay, source: Forward): Resumption | undefined {
    if (!relay.span || !this.#first) return undefined;
    return new Resumption(this.#first, source, relay.span, this.#known, this.#config.timeouts.stall);
  }

  get #known(): Route {
    return this.#route as Route;
  }

  #catching<Verb>(decide: () => Verb): Verb | ReturnType<typeof answerError> {
    try {
      return decide();
    } catch (error) {
      if (error instanceof RegistryError) return answerError(error);
      throw error;
    }
  }

  #ask(route: Route): RequestVerb {
    const head = this.#head;
    switch (route.kind) {
      case 'token':
        if (route.upstream.auth === 'proxy') throw noTokens(route);
        this.#tokens = new TokenEndpoint(this.#config, this.#realms, head, route);
        return this.#tokens.onRequest();
      case 'own':
      case 'backend': {
        const verb = askOutside(head, route, this.#config);
        return verb.verb === 'forward' ? this.#begin(verb) : verb;
      }
      default:
        return answerAsProxy(head, route) ?? this.#begin(this.#prepared(registryForward(head, route)));
    }
  }

  #prepared(first: Forward): Forward {
    return this.#authorization?.prepare(first) ?? first;
  }

  #begin(first: Forward): Forward {
    this.#first = first;
    this.#redirects = new Redirects(this.#known.upstream);
    this.#authorization?.reset();
    return first;
  }

  #retry(sent: Forward, elapsed: number, headers: HeaderList): Forward | undefined {
    const again = this.#retries.next(sent, elapsed, headers);
    return again && { ...(sent.purpose === 'hop' ? this.#renew() : sent), ...again };
  }

  /** Back to the registry, for a fresh URL. */
  #renew(): Forward {
    return this.#begin(this.#first as Forward);
  }

  #follows(sent: Forward): boolean {
    return (
      this.#config.handleRedirect &&
      ['GET', 'HEAD'].includes(sent.method) &&
      sent.purpose !== 'backend' &&
      this.#known.kind !== 'upload'
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
    return this.#begin({ ...first, method: 'GET', headers: withHeader(first.headers, 'range', 'bytes=0-0') });
  }

  #onRegistry(sent: Forward, head: ResponseHead): ResponseVerb {
    const { upstream } = this.#known;
    if (sent.purpose !== 'registry' || head.status !== 401) return this.#relay(sent, head);
    learnRealm(head.headers, upstream, this.#realms);
    const authorize = upstream.auth === 'proxy' ? this.#authorization?.onUnauthorized(sent, head) : undefined;
    return authorize ?? this.#relay(sent, head);
  }

  #onHop(sent: Forward, head: ResponseHead): ResponseVerb {
    const { status } = head;
    if ((status >= 200 && status < 300) || [304, 404, 416].includes(status)) return this.#relay(sent, head);
    if (sent.method === 'HEAD') return this.#probe();
    const authorize = status === 401 ? this.#authorization?.onUnauthorized(sent, head) : undefined;
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
    const place = { config: this.#config, route: this.#known, origin: this.#origin as Origin };
    return this.#isProbe ? relayedProbe(sent, head, place) : relayed(sent, head, place);
  }
}
