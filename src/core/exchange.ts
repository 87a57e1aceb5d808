import type { Config } from './config';
import { answerOptions } from './cors';
import { answerError, RegistryError } from './errors';
import { checkStatus, failureError } from './failure';
import { backendForward, registryForward } from './forwards';
import { countVia, type HeaderList, MAX_VIA, withHeader } from './headers';
import { checkFraming, checkKnownMethod, checkMethod } from './methods';
import { originOfRequest } from './origin';
import { bearerChallenge, learnRealm, type Realms } from './realm';
import { isRedirect, Redirects } from './redirect';
import { relayed, relayedProbe } from './relay';
import { Resumption } from './resume';
import { isTransient, isTransientFailure, retryDelay } from './retry';
import { type Route, routeOf } from './route';
import type { Origin } from './setting-readers';
import { anonymousToken, MAX_TOKEN_DOCUMENT, readToken } from './token';
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
  #route: Route | undefined;
  #origin: Origin | undefined;
  /** What the registry was asked first; retries and continuations start from it. */
  #first: Forward | undefined;
  #redirects: Redirects | undefined;
  #retries = 0;
  #isRenewed = false;
  #isProbe = false;
  #awaitsToken: Forward | undefined;
  #tokens: TokenEndpoint | undefined;

  constructor(config: Config, realms: Realms, head: RequestHead) {
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
      checkKnownMethod(method);
      checkFraming(this.#head);
      if (method === 'OPTIONS') return answerOptions();
      this.#route = routeOf(target, this.#config);
      checkMethod(method, this.#route.kind);
      this.#origin = originOfRequest(this.#head, this.#config);
      if (!this.#origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
      if (countVia(headers) > MAX_VIA) {
        throw new RegistryError(508, 'UNAVAILABLE', 'the proxy is its own upstream', {
          hint: 'REGISTRY_BACKEND leads back to this proxy',
        });
      }
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
      if (sent.purpose === 'registry') learnRealm(head.headers, this.#known.upstream, this.#realms);
      return this.#relay(sent, head);
    });
  }

  onFailure(sent: Forward, failure: Failure, elapsed: number): Answer | Forward {
    const again = isTransientFailure(failure) ? this.#retry(sent, elapsed, []) : undefined;
    return again ?? answerError(failureError(sent, failure, this.#known.upstream));
  }

  /** The token document that `authorize` asked for, or undefined where none was to be had. */
  onToken(document: string | undefined): Answer | Forward {
    const waiting = this.#awaitsToken as Forward;
    const token = document === undefined ? undefined : readToken(document);
    if (token === undefined) {
      const message = "the registry's storage asks for a token that cannot be had";
      return answerError(new RegistryError(502, 'UNAVAILABLE', message));
    }
    return { ...waiting, headers: withHeader(waiting.headers, 'authorization', `Bearer ${token}`) };
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
        this.#tokens = new TokenEndpoint(this.#config, this.#realms, head, route);
        return this.#tokens.onRequest();
      case 'own':
        throw new RegistryError(404, 'NAME_UNKNOWN', 'nothing here', { path: route.path });
      case 'backend':
        if (!this.#config.handleRedirect) return this.#begin(backendForward(head, route, this.#config));
        throw new RegistryError(404, 'NAME_UNKNOWN', 'only /v2/ is served here', {
          hint: 'with HANDLE_REDIRECT the proxy follows redirects itself',
        });
      default:
        return this.#begin(registryForward(head, route));
    }
  }

  #begin(first: Forward): Forward {
    this.#first = first;
    this.#redirects = new Redirects(this.#known.upstream);
    this.#awaitsToken = undefined;
    return first;
  }

  #retry(sent: Forward, elapsed: number, headers: HeaderList): Forward | undefined {
    const limit = this.#config.timeouts.retry;
    const after = retryDelay(sent, this.#retries, elapsed, limit, headers);
    if (after === undefined) return undefined;
    this.#retries += 1;
    const within = this.#remaining(elapsed + after);
    return { ...(sent.purpose === 'hop' ? this.#renew() : sent), after, within };
  }

  /** Milliseconds for a response head, where requests are being retried. */
  #remaining(elapsed: number): number {
    const { response, retry } = this.#config.timeouts;
    return Math.max(1, Math.min(response, retry - elapsed));
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
    const next = this.#retries > 0 ? { ...hop, within: this.#remaining(elapsed) } : hop;
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

  #onHop(sent: Forward, head: ResponseHead): ResponseVerb {
    const { status } = head;
    if ((status >= 200 && status < 300) || [304, 404, 416].includes(status)) return this.#relay(sent, head);
    if (sent.method === 'HEAD') return this.#probe();
    const bearer = status === 401 && !this.#awaitsToken ? bearerChallenge(head.headers) : undefined;
    if (bearer) {
      this.#awaitsToken = sent;
      const place = { ...this.#known.upstream, url: sent.url };
      const request = anonymousToken(bearer.challenge, bearer.realm, this.#known.repository, place, sent.headers);
      return { verb: 'authorize', request, limit: MAX_TOKEN_DOCUMENT };
    }
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
