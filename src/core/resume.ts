import type { Account } from './account';
import { RegistryError } from './errors';
import { headerOf, withHeader, withoutHeaders } from './headers';
import { contentLength, parseContentRange, rangeOfRest } from './range';
import { bearerChallenge, bearerOf } from './realm';
import { isRedirect, Redirects } from './redirect';
import { FIRST_RETRY_DELAY, MAX_RETRIES } from './retry';
import type { Route } from './route';
import { MAX_TOKEN_DOCUMENT, ownToken, readToken, tokenKey } from './token';
import type { Failure, Forward, GiveUp, ResponseHead, ResumeVerb, Span, Splice } from './verbs';

/** Continuations of one response; a blob that needs more is on a link where the client's own retry is better. */
export const MAX_CONTINUATIONS = 30;

/** Continuations in a row that may bring less than `MIN_GAIN` bytes each before we stop asking. */
export const MAX_BARREN = 3;

export const MIN_GAIN = 1024 * 1024;

/** Milliseconds before asking again after a barren continuation; doubled with each further one. */
const BARREN_DELAY = 250;

/** Continues one cut body: asks the registry again, for a fresh URL, with `Range` from the last byte. */
export class Resumption {
  readonly #first: Forward;
  readonly #span: Span;
  readonly #route: Route;
  /** Where the body came from: its URL may still be good when the client's token is not. */
  readonly #source: Forward;
  readonly #within: number;
  readonly #account: Account | undefined;
  #continuations = 0;
  #barren = 0;
  #received = 0;
  /** Times that the present continuation was asked for again. */
  #retries = 0;
  #isAsking = false;
  #redirects: Redirects;
  #token: 'unasked' | 'asked' | 'refused' = 'unasked';

  /** @param account by whose right a token is asked for; anonymously where there is none */
  constructor(first: Forward, source: Forward, span: Span, route: Route, account?: Account) {
    this.#first = first;
    this.#source = source;
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
    this.#redirects = new Redirects(this.#route.upstream);
    this.#token = 'unasked';
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

  onFailure(failure: Failure): GiveUp {
    return giveUp(failure.message, failure.kind === 'tls' || failure.kind === 'forbidden');
  }

  onResponse(sent: Forward, head: ResponseHead): ResumeVerb {
    if (isRedirect(head)) return this.#follow(sent, head);
    if (head.status === 206) return this.#checkPart(head);
    if (head.status === 200) return this.#checkWhole(head);
    if (head.status === 401) return this.#authorize(sent, head);
    const isHopeless = sent.purpose === 'registry' && head.status < 500 && ![408, 429].includes(head.status);
    return giveUp(`the upstream answers ${head.status}`, isHopeless);
  }

  onToken(document: string | undefined): ResumeVerb {
    const token = document === undefined ? undefined : readToken(document);
    if (token === undefined) return this.#askSource();
    const first = { ...this.#first, headers: withHeader(this.#first.headers, 'authorization', `Bearer ${token}`) };
    return this.#ask(first);
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
    const bearer = bearerChallenge(head.headers);
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

  #checkPart(head: ResponseHead): ResumeVerb {
    const part = parseContentRange(headerOf(head.headers, 'content-range'));
    if (part?.first !== this.#span.first + this.#received)
      return giveUp('the upstream answers with another range', true);
    if (isOther(part.total, this.#span.total)) return giveUp('the upstream answers with a body of another size', true);
    if (isEncoded(head)) return giveUp('the upstream answers with an encoded body', true);
    return this.#splice(0);
  }

  /** `Range` was ignored: what the client has is dropped from the start. */
  #checkWhole(head: ResponseHead): ResumeVerb {
    const length = contentLength(head.headers);
    const isSame = length !== undefined && length === this.#span.total && this.#span.validator === undefined;
    if (!isSame || isEncoded(head)) return giveUp('the upstream answers with another body', true);
    return this.#splice(this.#span.first + this.#received);
  }

  #splice(skip: number): Splice {
    this.#isAsking = false;
    return { verb: 'splice', skip };
  }
}

function isOther(total: number | undefined, known: number | undefined): boolean {
  return total !== undefined && known !== undefined && total !== known;
}

function isEncoded(head: ResponseHead): boolean {
  return (headerOf(head.headers, 'content-encoding') ?? 'identity').toLowerCase() !== 'identity';
}

function giveUp(why: string, final: boolean): GiveUp {
  return { verb: 'give-up', why, final };
}
