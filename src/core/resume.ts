import type { Account } from './account';
import { RegistryError } from './errors';
import { withHeader, withoutHeaders } from './headers';
import { type Beside, misfit } from './misfit';
import { rangeOfRest } from './range';
import { bearerOf, upstreamChallenge } from './realm';
import { isRedirect, Redirects } from './redirect';
import { FIRST_RETRY_DELAY, MAX_RETRIES } from './retry';
import type { Route } from './route';
import { MAX_TOKEN_DOCUMENT, ownToken, readToken, tokenKey } from './token';
import type { Failure, Forward, GiveUp, ResponseHead, ResumeVerb, Span } from './verbs';

/** Continuations of one response; a blob that needs more is on a link where the client's own retry is better. */
export const MAX_CONTINUATIONS = 30;

/** Continuations in a row that may bring less than `MIN_GAIN` bytes each before we stop asking. */
export const MAX_BARREN = 3;

export const MIN_GAIN = 1024 * 1024;

/** Milliseconds before asking again after a barren continuation; doubled with each further one. */
const BARREN_DELAY = 250;

/** Makes what continues a part of a body. */
export type Resumptions = (span: Span) => Resumption;

/** Continues one cut body: asks the registry again, for a fresh URL, with `Range` from the last byte. */
export class Resumption {
  readonly #first: Forward;
  readonly #span: Span;
  readonly #route: Route;
  /** Where the body came from: its URL may still be good when the client's token is not. */
  readonly #source: Forward;
  readonly #within: number;
  readonly #account: Account | undefined;
  readonly #onSource: (source: Forward) => void;
  #continuations = 0;
  #barren = 0;
  #received = 0;
  /** Times that the present continuation was asked for again. */
  #retries = 0;
  #isAsking = false;
  /** Set for a part that is fetched beside others: it must be of the same body, and nothing but the part. */
  #beside: Beside | undefined;
  /** The present request goes straight to where the body came from. */
  #isDirect = false;
  #redirects: Redirects;
  #token: 'unasked' | 'asked' | 'refused' = 'unasked';

  /**
   * @param account by whose right a token is asked for; anonymously where there is none
   * @param onSource told where bytes come from, so that other parts can be asked for there
   */
  constructor(
    first: Forward,
    source: Forward,
    span: Span,
    route: Route,
    account?: Account,
    onSource: (source: Forward) => void = () => {},
  ) {
    this.#first = first;
    this.#source = source;
    this.#onSource = onSource;
    this.#span = span;
    this.#route = route;
    this.#within = route.upstream.connection.timeouts.stall;
    this.#account = account;
    this.#redirects = new Redirects(route.upstream);
  }

  /**
   * A body was cut, or a continuation could not be had.
   * @param received bytes of the span that the client has been sent
   */
  onCut(received: number): Forward | GiveUp {
    this.#renew();
    if (this.#isAsking && this.#retries < MAX_RETRIES) {
      this.#retries += 1;
      return { ...this.#ask(this.#first), after: FIRST_RETRY_DELAY * 4 ** (this.#retries - 1) };
    }
    if (this.#continuations > 0) this.#barren = received - this.#received < MIN_GAIN ? this.#barren + 1 : 0;
    this.#received = received;
    if (this.#barren >= MAX_BARREN) return giveUp(`${MAX_BARREN} continuations in a row brought almost nothing`, true);
    if (this.#continuations >= MAX_CONTINUATIONS) return giveUp(`cut more than ${MAX_CONTINUATIONS} times`, true);
    this.#continuations += 1;
    this.#retries = 0;
    this.#isAsking = true;
    const after = this.#barren === 0 ? undefined : BARREN_DELAY * 2 ** (this.#barren - 1);
    return { ...this.#ask(this.#first), after };
  }

  /**
   * The span is wanted beside other parts of its body, over a connection of its own. The URL that the body came from is
   * asked first, since the way there through the registry is long.
   * @param received bytes of it that are here already
   * @param etag strong entity tag of the body, where it has one
   */
  onPart(received: number, etag: string | undefined): Forward {
    this.#renew();
    this.#beside = { etag };
    this.#received = received;
    this.#retries = 0;
    this.#isAsking = true;
    this.#isDirect = this.#source.purpose === 'hop';
    return this.#ask(this.#isDirect ? this.#source : this.#first);
  }

  onFailure(failure: Failure): GiveUp {
    return giveUp(failure.message, failure.kind === 'tls' || failure.kind === 'forbidden');
  }

  onResponse(sent: Forward, head: ResponseHead): ResumeVerb {
    if (isRedirect(head)) return this.#follow(sent, head);
    if (head.status === 200 || head.status === 206) return this.#join(sent, head);
    if (this.#isDirect && isRefused(head)) {
      this.#renew();
      return this.#ask(this.#first);
    }
    if (head.status === 401) return this.#authorize(sent, head);
    const isHopeless = sent.purpose === 'registry' && isRefused(head);
    return giveUp(`the upstream answers ${head.status}`, isHopeless);
  }

  onToken(document: string | undefined): ResumeVerb {
    const token = document === undefined ? undefined : readToken(document);
    if (token === undefined) return this.#askSource();
    const first = { ...this.#first, headers: withHeader(this.#first.headers, 'authorization', `Bearer ${token}`) };
    return this.#ask(first);
  }

  /** A request that owes nothing to the one before it. */
  #renew(): void {
    this.#redirects = new Redirects(this.#route.upstream);
    this.#token = 'unasked';
    this.#isDirect = false;
  }

  #ask(forward: Forward): Forward {
    const ranged = withHeader(
      withoutHeaders(forward.headers, 'if-none-match', 'if-modified-since', 'if-match'),
      'range',
      rangeOfRest(this.#span, this.#received),
    );
    return {
      ...forward,
      headers: withHeader(ranged, 'if-range', this.#span.validator),
      within: this.#within,
      after: undefined,
    };
  }

  #follow(sent: Forward, head: ResponseHead): ResumeVerb {
    try {
      return this.#redirects.follow(sent, head);
    } catch (error) {
      return giveUp(error instanceof RegistryError ? error.message : 'unusable redirect', true);
    }
  }

  /** The client's token is often gone by now (Docker Hub's live five minutes); an anonymous one serves public images. */
  #authorize(sent: Forward, head: ResponseHead): ResumeVerb {
    const bearer = upstreamChallenge(head, this.#route.upstream);
    if (sent.purpose !== 'registry' || this.#token !== 'unasked' || !bearer) return this.#askSource();
    this.#token = 'asked';
    try {
      const { repository, upstream } = this.#route;
      const request = ownToken(bearer.challenge, bearer.realm, repository, upstream, sent.headers, this.#account);
      return {
        verb: 'authorize',
        request: { ...request, within: this.#within },
        limit: MAX_TOKEN_DOCUMENT,
        key: tokenKey(upstream.url, this.#account, upstream, repository),
        spent: bearerOf(sent.headers),
      };
    } catch {
      return this.#askSource();
    }
  }

  #askSource(): ResumeVerb {
    if (this.#source.purpose !== 'hop' || this.#token === 'refused')
      return giveUp('the upstream asks for a token that we do not have', true);
    this.#token = 'refused';
    return this.#ask(this.#source);
  }

  /** Where `Range` was ignored, what is here already is dropped from the start. */
  #join(sent: Forward, head: ResponseHead): ResumeVerb {
    const why = misfit(head, this.#span, this.#received, this.#beside);
    if (why !== undefined) {
      return { ...giveUp(`the upstream answers with ${why}`, true), ...(this.#beside && { isMisfit: true }) };
    }
    this.#isAsking = false;
    this.#onSource(sent);
    return { verb: 'splice', skip: head.status === 206 ? 0 : this.#span.first + this.#received };
  }
}

/** Asking the same again will be answered the same. */
function isRefused({ status }: ResponseHead): boolean {
  return status < 500 && ![408, 429].includes(status);
}

function giveUp(why: string, final: boolean): GiveUp {
  return { verb: 'give-up', why, final };
}
