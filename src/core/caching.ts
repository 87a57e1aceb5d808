import type { CacheMemory } from './cache-memory';
import { linkName } from './cache-names';
import { CacheQuestion } from './cache-question';
import { forwarded, hit, withCacheStatus } from './cache-status';
import type { Await, CacheDocument, Copied, Find, Findings, FoundBlob, Note, Outcome, Serve } from './cache-verbs';
import type { Held } from './cached-head';
import { awaiting, Copying, sendBack } from './copying';
import { headerOf, withoutConditions } from './headers';
import { headNotes, keepOf, linkNote, mediaTypeOf, openNotes, tagNotes } from './keeping';
import { isBeyond, isUnavailable, isUnlike, serveHeld } from './kept';
import type { Place } from './location';
import type { Memory } from './memory';
import { PublicProbe } from './public-probe';
import { variantOf } from './tag-document';
import type { Answer, Forward, Relay, RequestHead, RequestVerb, ResponseHead } from './verbs';

/** Milliseconds for the registry to say whether a tag is still what it was, where there is something to serve. */
export const REVALIDATION_TIME = 5_000;

/** Begins a conversation with upstreams about such a request. */
type Ask = (head: RequestHead, within?: number) => RequestVerb;

/** What the cache does for one GET or HEAD of a manifest or blob (docs/caching.md). */
export class Caching {
  readonly #question: CacheQuestion;
  readonly #memory: CacheMemory;
  readonly #ask: Ask;
  /** `holding`: is there what the tag was? `checking`: is it still so, and may this client have it? */
  #step: 'asking' | 'holding' | 'checking' = 'asking';
  #held: Held | undefined;
  #tag: CacheDocument | undefined;
  readonly #copying = new Copying();

  constructor(place: Place, head: RequestHead, memory: CacheMemory, ask: Ask) {
    this.#question = new CacheQuestion(place, head, memory);
    this.#memory = memory;
    this.#ask = ask;
  }

  begin(): Find {
    const { route, head, tag, isTag, public: open } = this.#question;
    if (isTag) return { verb: 'find', documents: [tag, open] };
    const link = linkName(route, route.reference);
    const lead = route.kind === 'blob' && head.method === 'GET' && headerOf(head.headers, 'range') === undefined;
    return { verb: 'find', documents: [link, open], blob: { digest: route.reference, link, lead } };
  }

  onFound({ now, documents, blob }: Findings): RequestVerb {
    const question = this.#question;
    question.now = now;
    if (this.#step === 'holding') return blob ? this.#onHeld(blob.size) : this.#askAnew();
    const open = documents[question.public];
    question.publicSince = open && (Number(open.since) || 0);
    if (question.isTag) return this.#onTag(documents[question.tag]);
    return this.#onDigest(documents[linkName(question.route, question.route.reference)], blob);
  }

  /** What was to be served is gone. */
  onGone(): RequestVerb {
    this.#copying.fail();
    this.#held = undefined;
    return this.#askAnew();
  }

  /** Whether what this relay carries can be copied into the bucket. */
  mayCopy(relay: Relay): boolean {
    return this.#copying.mayBegin(relay, this.#question);
  }

  /** Copies it, or asks for all of it first. */
  copy(relay: Relay): Relay | RequestVerb {
    const { place, head } = this.#question;
    if (relay.keep?.kind === 'blob') {
      const { digest, size } = relay.keep;
      this.#held = { digest, size };
      return { ...relay, offload: awaiting(digest, place) };
    }
    this.#copying.askWhole();
    return this.#ask({ ...head, headers: withoutConditions(head.headers) });
  }

  /** The verb `await` is over. */
  onAwaited(copied: Copied): RequestVerb {
    if (copied === 'coming') return sendBack(this.#question.place);
    this.#held = { ...(this.#held as Held), isComing: false };
    if (copied === 'stored') return this.#serve('miss', forwarded({ fwd: 'uri-miss', stored: true }));
    this.#copying.fail();
    return this.#askAnew();
  }

  /** The end of a conversation; another verb where there is something better to say. */
  onRelay(relay: Relay, sent: Forward, head: ResponseHead): Relay | RequestVerb {
    this.#question.learn(head.status);
    if (this.#step === 'checking') return this.#onChecked(relay, head);
    if (isUnavailable(head.status) && this.hasStandIn) return this.#standIn(head.status);
    if (head.status === 404) return this.#onMissing(relay);
    const keep = keepOf(this.#question, relay, sent, head, this.#tag);
    const notes = keep ? [] : headNotes(this.#question, head, this.#tag);
    const all = [...notes, ...openNotes(this.#question, head)];
    return { ...this.#labelled(relay, head.status, keep !== undefined), keep, notes: all };
  }

  /** What would be answered since nothing was to be had upstream. */
  onFailed(answer: Answer): Answer | Serve | Await {
    return isUnavailable(answer.status) && this.hasStandIn ? this.#standIn() : answer;
  }

  /** There is something to serve where the registry cannot be asked, so there is no need to try again. */
  get hasStandIn(): boolean {
    const { isTag, isNoCache, lifetime, config } = this.#question;
    if (!isTag || this.#held?.age === undefined || isNoCache || !this.#question.isRightful) return false;
    return this.#held.age < lifetime + config.stale;
  }

  /** Asks whether everybody may pull here; undefined where that is known, or not to be asked. */
  probe(memory: Memory): PublicProbe | undefined {
    const { isPublicUnsure, place, head, now } = this.#question;
    return isPublicUnsure ? new PublicProbe(place, head, memory, now) : undefined;
  }

  #onDigest(link: CacheDocument | undefined, blob: FoundBlob | undefined): RequestVerb {
    const { route } = this.#question;
    if (!blob || isBeyond(this.#question, blob)) return this.#question.missed ?? this.#askAnew();
    const mediaType = link?.mediaType as string | undefined;
    this.#held = { digest: route.reference, size: blob.size, mediaType, isComing: blob.state === 'coming' };
    const isLinked = route.kind === 'manifest' ? mediaType !== undefined : link !== undefined || blob.isLinked;
    if (!isLinked || !this.#question.isRightful) return this.#check();
    if (blob.state === 'stored') return this.#serve('hit', hit());
    return this.#serve('joined', forwarded({ fwd: 'uri-miss', collapsed: true }));
  }

  #onTag(document: CacheDocument | undefined): RequestVerb {
    const { accept, now, head, route } = this.#question;
    this.#tag = document;
    const variant = variantOf(document, accept);
    if (!variant) return this.#question.missed ?? this.#askAnew();
    const { digest, size, mediaType, checkedAt } = variant;
    // A clock that was set back makes nothing fresh for ever.
    this.#held = { digest, size, mediaType, age: Math.abs(now - checkedAt) };
    if (head.method === 'HEAD') return this.#onHeld(size);
    this.#step = 'holding';
    return { verb: 'find', documents: [], blob: { digest, link: linkName(route, digest), lead: false } };
  }

  /** @param size of what is stored, whatever the head of an answer has said */
  #onHeld(size: number): RequestVerb {
    const { lifetime, isNoCache, now } = this.#question;
    this.#held = { ...(this.#held as Held), size };
    const ttl = lifetime - (this.#held.age as number);
    if (this.#question.isRightful && ttl > 0 && !isNoCache) return this.#serve('hit', hit(ttl));
    if (this.hasStandIn && this.#memory.isOut(this.#question.registry, now)) return this.#serve('stale', hit(ttl));
    return this.#check();
  }

  /** Asks the registry whether it is still so, and whether this client may have it: HEAD costs no pull (Docker Hub). */
  #check(): RequestVerb {
    const { head } = this.#question;
    this.#step = 'checking';
    const whole = { ...head, method: 'HEAD', headers: withoutConditions(head.headers) };
    return this.#ask(whole, this.hasStandIn ? REVALIDATION_TIME : undefined);
  }

  #onChecked(relay: Relay, head: ResponseHead): Relay | RequestVerb {
    // Of the relay: where a HEAD became a GET of one byte, the head's is 206.
    const { status } = relay;
    const { isTag, config, head: asked } = this.#question;
    const held = this.#held as Held;
    if (status === 200 && asked.method === 'GET' && isUnlike(held, relay)) return this.#askAnew();
    if (status === 200 && !isTag) return this.#onProven(mediaTypeOf(head));
    if (status === 200 && headerOf(head.headers, 'docker-content-digest') === held.digest) {
      this.#held = { ...held, age: 0 };
      return this.#revalidated(tagNotes(this.#question, held.digest, held.mediaType ?? '', held.size, this.#tag));
    }
    const isStale = isUnavailable(status) || (status === 404 && config.staleMissing);
    if (isStale && this.hasStandIn) return this.#standIn(status);
    if (asked.method === 'GET') return this.#askAnew();
    if (status === 404) return this.#onMissing(relay);
    return { ...this.#labelled(relay, status, false), notes: headNotes(this.#question, head, this.#tag) };
  }

  /** The repository has it, and the client may see it. */
  #onProven(mediaType: string | undefined): RequestVerb {
    const held = this.#held as Held;
    const isManifest = this.#question.route.kind === 'manifest';
    if (isManifest && mediaType === undefined) return this.#askAnew();
    this.#held = { ...held, mediaType: isManifest ? mediaType : undefined };
    return this.#revalidated([linkNote(this.#question, held.digest, mediaType)]);
  }

  #revalidated(notes: readonly Note[]): Serve | Await {
    const fwd = this.#question.isNoCache ? 'request' : 'stale';
    return this.#serve('revalidated', forwarded({ fwd, status: 200, detail: 'same-digest' }), notes);
  }

  #onMissing(relay: Relay): Relay {
    this.#question.miss();
    const notes = this.#tag ? [{ name: this.#question.tag }] : [];
    return { ...this.#labelled(relay, 404, false), notes };
  }

  #askAnew(): RequestVerb {
    this.#step = 'asking';
    return this.#ask(this.#question.head);
  }

  #standIn(status?: number): Serve | Await {
    this.#memory.noteOutage(this.#question.registry, this.#question.now);
    return this.#serve('stale', forwarded({ fwd: 'stale', status, detail: 'stale-if-error' }));
  }

  #serve(outcome: Outcome, member: string, notes: readonly Note[] = []): Serve | Await {
    return serveHeld(this.#question, this.#held as Held, { outcome, member, notes });
  }

  #labelled(relay: Relay, status: number, stored: boolean): Relay {
    const fwd = this.#question.isNoCache ? 'request' : 'uri-miss';
    const headers = withCacheStatus(relay.headers, forwarded({ fwd, status, stored }));
    return { ...relay, headers, outcome: 'miss' };
  }
}
