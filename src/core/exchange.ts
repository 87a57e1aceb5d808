import { checkRight, type Identity, whoIs } from './admission';
import { isEmptyLogin } from './basic';
import { isCacheable } from './cache-question';
import type { Await, Copied, Findings, Serve } from './cache-verbs';
import { Caching } from './caching';
import { checkAddress, isAllowedAddress } from './client-rules';
import type { Config, Timeouts } from './config';
import { Conversation } from './conversation';
import { answerOptions } from './cors';
import { endOf } from './ending';
import { checkEntry } from './entrance';
import { answerError, RegistryError } from './errors';
import { failureError } from './failure';
import { registryForward } from './forwards';
import type { Gate } from './gate';
import { headerOf } from './headers';
import { checkImage } from './image-rules';
import type { Place } from './location';
import { issuedToken, tokenFor } from './login-endpoint';
import type { Memory } from './memory';
import { checkFraming, checkKnownMethod } from './methods';
import { originOfRequest } from './origin';
import { askOutside } from './outside';
import { answerAsProxy, loginError, tokenError } from './proxy-mode';
import type { PublicProbe } from './public-probe';
import type { Resumptions } from './resume';
import { type Route, routeOf } from './route';
import { standIn } from './stand-in';
import { TokenEndpoint } from './token-endpoint';
import type { Answer, Failure, Forward, Relay, RequestHead, RequestVerb, ResponseHead, ResponseVerb } from './verbs';

/**
 * One client request and everything that is decided about it (docs/request-handling.md has the same story, numbered).
 * A runtime asks `onRequest` first, carries out the verb it gets, and brings what came of it to the method of that name.
 */
export class Exchange {
  readonly #config: Config;
  readonly #memory: Memory;
  readonly #head: RequestHead;
  #route: Route | undefined;
  #conversation: Conversation | undefined;
  #place: Place | undefined;
  #tokens: TokenEndpoint | undefined;
  #caching: Caching | undefined;

  constructor(config: Config, memory: Memory, head: RequestHead) {
    this.#config = config;
    this.#memory = memory;
    this.#head = head;
  }

  get route(): Route | undefined {
    return this.#route;
  }

  get timeouts(): Timeouts {
    return this.#route?.upstream.connection.timeouts ?? this.#config.timeouts;
  }

  onRequest(): RequestVerb {
    return this.#catching(() => {
      const { method, target } = this.#head;
      if (this.#config.gate?.satisfy !== 'any') checkAddress(this.#head, this.#config);
      checkKnownMethod(method);
      checkFraming(this.#head, this.#config.maxRequestBody);
      if (method === 'OPTIONS') return answerOptions();
      const seen = originOfRequest(this.#head, this.#config);
      const route = routeOf(target, this.#config, seen?.hostname);
      this.#route = route;
      const origin = checkEntry(this.#head, route, seen);
      checkImage(route, this.#config);
      this.#place = { config: this.#config, route, origin };
      return this.#enter(this.#place);
    });
  }

  /** Who asks has been found out, as the verb `identify` asked. */
  onIdentity(identity: Identity): RequestVerb {
    return this.#catching(() => this.#admit(identity, this.#place as Place));
  }

  /** The token has been made, as the verb `issue` asked. */
  onIssued(token: string): Answer {
    return issuedToken(token);
  }

  /** The client's small body has been read, as the verb `read` asked. */
  onBody(body: string): RequestVerb {
    return this.#catching(() => (this.#tokens as TokenEndpoint).onForm(body));
  }

  /** The store has been looked into, as the verb `find` asked. */
  onFound(findings: Findings): RequestVerb {
    return this.#settled(() => (this.#caching as Caching).onFound(findings));
  }

  /** What the verb `serve` was to send is not there any more. */
  onGone(): RequestVerb {
    return this.#settled(() => (this.#caching as Caching).onGone());
  }

  /** What the verb `await` waited for is there, or not. */
  onAwaited(copied: Copied): RequestVerb {
    return this.#settled(() => (this.#caching as Caching).onAwaited(copied));
  }

  /** @param elapsed milliseconds since the client's request came */
  onResponse(sent: Forward, head: ResponseHead, elapsed: number): ResponseVerb {
    return this.#settled((): ResponseVerb => {
      const again = this.#caching?.hasStandIn ? undefined : this.#known.onTransient(sent, head, elapsed);
      if (again) return again;
      if (sent.purpose === 'ping' && this.#tokens) return this.#tokens.onPing(head);
      const verb = this.#known.onResponse(sent, head, elapsed);
      if (verb.verb !== 'relay') return verb;
      const instead = head.status >= 500 ? standIn(this.#head, this.#place as Place) : undefined;
      const around = { sent, head, asked: this.#head, place: this.#place as Place, caching: this.#caching };
      return instead ?? endOf(verb, around, this.#memory.cache);
    });
  }

  onFailure(sent: Forward, failure: Failure, elapsed: number): RequestVerb {
    const again = this.#caching?.hasStandIn ? undefined : this.#known.onFailure(sent, failure, elapsed);
    return this.#settled(() => again ?? answerError(failureError(sent, failure, (this.#route as Route).upstream)));
  }

  /** The token document that `authorize` asked for; empty where it was refused, undefined where none was to be had. */
  onToken(document: string | undefined): RequestVerb {
    const next = this.#known.onToken(document);
    return this.#settled(() => next ?? answerError(tokenError(document === '', this.#route as Route)));
  }

  /** @param isHad whether the login is there that `login` asked for */
  onLogin(isHad: boolean): RequestVerb {
    return this.#settled((): RequestVerb => {
      const next = isHad ? this.#known.onLogin() : undefined;
      return next ?? answerError(loginError(isHad, this.#route as Route));
    });
  }

  /** To be asked when an answer has been given; undefined where nothing is. */
  probe(): PublicProbe | undefined {
    return this.#caching?.probe(this.#memory);
  }

  /** Makes what continues the body of this relay, or a part of it, when it has been cut; undefined where that is impossible. */
  resumptions(relay: Relay, source: Forward): Resumptions | undefined {
    return this.#known.resumptions(relay, source);
  }

  get #known(): Conversation {
    return this.#conversation as Conversation;
  }

  #catching<Verb>(decide: () => Verb): Verb | ReturnType<typeof answerError> {
    try {
      return decide();
    } catch (error) {
      if (error instanceof RegistryError) return answerError(error);
      throw error;
    }
  }

  /** Where nothing is to be had upstream, there may be something else to say. */
  #settled<Verb extends RequestVerb | ResponseVerb>(decide: () => Verb): Verb | Answer | Await | Serve {
    const verb = this.#catching(decide);
    if (verb.verb !== 'answer' || (verb.status < 500 && verb.status !== 429)) return verb;
    return standIn(this.#head, this.#place as Place) ?? this.#caching?.onFailed(verb) ?? verb;
  }

  #enter(place: Place): RequestVerb {
    const { gate } = this.#config;
    const authorization = headerOf(this.#head.headers, 'authorization');
    if (!gate) return this.#ask(place);
    const isNobody = authorization === undefined || isEmptyLogin(authorization) || gate.users.size === 0;
    return isNobody ? this.#admit({ kind: 'anonymous' }, place) : { verb: 'identify', authorization };
  }

  #admit(identity: Identity, place: Place): RequestVerb {
    const gate = this.#config.gate as Gate;
    const isNear = gate.satisfy === 'any' && isAllowedAddress(this.#head, this.#config);
    const who = whoIs(identity, place.route.isGuest || isNear, gate, place);
    const route = checkRight(who, this.#head, gate, place);
    if (route.kind === 'token' && gate.users.size > 0) return tokenFor(who, this.#head, gate, place);
    return this.#ask({ ...place, route });
  }

  #ask(place: Place): RequestVerb {
    const { route } = place;
    switch (route.kind) {
      case 'token':
        this.#converse(place);
        this.#tokens = new TokenEndpoint(this.#config, this.#memory.realms, this.#head, route);
        return this.#tokens.onRequest();
      case 'own':
      case 'search':
      case 'backend': {
        const verb = askOutside(this.#head, route, this.#config);
        return verb.verb === 'forward' ? this.#converse(place).begin(verb) : verb;
      }
      default:
        return answerAsProxy(this.#head, place) ?? this.#askRegistry(place);
    }
  }

  #askRegistry(place: Place): RequestVerb {
    const { route, config } = place;
    const ask = (head: RequestHead, within?: number) => {
      const verb = this.#converse(place).ask(registryForward(head, route));
      return verb.verb === 'forward' && within !== undefined ? { ...verb, within } : verb;
    };
    if (!config.cache || !isCacheable(this.#head, route)) return ask(this.#head);
    this.#caching = new Caching(place, this.#head, this.#memory.cache, ask);
    return this.#caching.begin();
  }

  #converse(place: Place): Conversation {
    this.#conversation = new Conversation(place, this.#memory);
    return this.#conversation;
  }
}
