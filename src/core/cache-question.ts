import { isOwnToken } from './anonymous-token';
import type { CacheConfig } from './cache-config';
import type { CacheMemory } from './cache-memory';
import { holderOf, publicName, repositoryName, tagName } from './cache-names';
import { hit, withCacheStatus } from './cache-status';
import { answerError, RegistryError } from './errors';
import { headerOf } from './headers';
import type { Place } from './location';
import { PUBLIC_LIFETIME } from './public-probe';
import { isDigest } from './reference';
import type { Route } from './route';
import { acceptKey } from './tag-document';
import type { Answer, RequestHead } from './verbs';

/** Characters of the media types that a client accepts, at most: answers go by them. Docker's are some 500. */
const MAX_ACCEPT = 2000;

/**
 * Characters of a client's login or token that something is remembered by, at most: registries' tokens are some 4000. A platform takes
 * headers of 128 KB, and 2000 of those would be more memory than it has.
 */
const MAX_AUTHORIZATION = 8192;

/** Whether an answer to this may come out of the cache, or go into it. */
export function isCacheable({ method, headers }: RequestHead, { kind, query, reference }: Route): boolean {
  if (!['GET', 'HEAD'].includes(method) || query !== '') return false;
  if (/\bno-store\b/i.test(headerOf(headers, 'cache-control') ?? '') || acceptKey(headers).length > MAX_ACCEPT)
    return false;
  return (
    (kind === 'manifest' && !isDigest(reference)) || (['blob', 'manifest'].includes(kind) && isStorable(reference))
  );
}

/** Whether stores know the algorithm. */
export function isStorable(digest: string): boolean {
  return /^sha(256|512):/.test(digest) && isDigest(digest);
}

/** A GET or HEAD of a manifest or blob, as the cache sees it. */
export class CacheQuestion {
  readonly place: Place;
  readonly head: RequestHead;
  /** What the client shows to the registry; a token of ours says nothing. */
  readonly authorization: string | undefined;
  readonly accept: string;
  readonly isTag: boolean;
  /** The client wants to know what the registry says now (RFC 9111 section 5.2.1.4). */
  readonly isNoCache: boolean;
  /** Since when it is known that everybody may pull here, in milliseconds since 1970. */
  publicSince: number | undefined;
  /** Milliseconds since 1970. */
  now = 0;

  readonly #memory: CacheMemory;
  readonly #lastChange: number;

  constructor(place: Place, head: RequestHead, memory: CacheMemory) {
    this.#memory = memory;
    this.#lastChange = memory.lastChange(repositoryName(place.route));
    this.place = place;
    this.head = head;
    const authorization = headerOf(head.headers, 'authorization');
    this.authorization = isOwnToken(authorization) ? undefined : authorization;
    this.accept = acceptKey(head.headers);
    this.isTag = place.route.kind === 'manifest' && !isDigest(place.route.reference);
    this.isNoCache =
      /\bno-cache\b|\bmax-age=0\b/i.test(headerOf(head.headers, 'cache-control') ?? '') ||
      /\bno-cache\b/i.test(headerOf(head.headers, 'pragma') ?? '');
  }

  get route(): Route {
    return this.place.route;
  }

  get config(): CacheConfig {
    return this.place.config.cache as CacheConfig;
  }

  /** Clients show rights of their own, which only the registry can judge. */
  get isByClient(): boolean {
    return holderOf(this.route.upstream) === 'client';
  }

  /** Names of the documents about tag and repository. */
  get tag(): string {
    return tagName(this.route);
  }

  get public(): string {
    return publicName(this.route);
  }

  /** What is kept of the repository may be shown to this client. */
  get isRightful(): boolean {
    if (!this.isByClient || this.publicSince !== undefined) return true;
    return this.authorization !== undefined && this.#memory.isProven(this.#right, this.now);
  }

  /** It is worth asking whether everybody may pull here. */
  get isPublicUnsure(): boolean {
    if (!this.isByClient) return false;
    // Without a login, the answer itself has said so.
    if (this.publicSince === undefined) return this.authorization !== undefined && this.route.kind === 'manifest';
    return Math.abs(this.now - this.publicSince) > PUBLIC_LIFETIME;
  }

  /** Nothing was pushed since this was asked, so that the registry's answer is what it says now. */
  get isCurrent(): boolean {
    return this.#memory.lastChange(repositoryName(this.route)) === this.#lastChange;
  }

  /** What an answer of the registry says about this client's right. */
  learn(status: number): void {
    if (!this.isByClient || this.authorization === undefined || this.#isLong) return;
    if ([200, 206, 304].includes(status)) this.#memory.prove(this.#right, this.now);
    else if ([401, 403].includes(status)) this.#memory.disprove(this.#right);
  }

  /** The registry has no such manifest. Blobs may come at any moment, by a push. */
  miss(): void {
    if (this.route.kind !== 'manifest' || !this.isCurrent || this.#isLong) return;
    const about = { reference: this.route.reference };
    const answer = answerError(new RegistryError(404, 'MANIFEST_UNKNOWN', 'the registry has no such manifest', about));
    const headers = withCacheStatus(answer.headers, hit());
    this.#memory.miss(this.#absence, { ...answer, headers }, this.now, this.config.negative);
  }

  /** The answer to the same question a moment ago, which was that there is nothing. */
  get missed(): Answer | undefined {
    return this.isNoCache ? undefined : this.#memory.missed(this.#absence, this.now);
  }

  get registry(): string {
    return this.route.upstream.name;
  }

  /** What this client's right to the repository is remembered by. */
  get #right(): string {
    return `${repositoryName(this.route)} ${this.authorization}`;
  }

  get #isLong(): boolean {
    return (this.authorization ?? '').length > MAX_AUTHORIZATION;
  }

  /** What an absence is remembered by; who may not see something is told the same. */
  get #absence(): string {
    const right = this.isByClient ? (this.authorization ?? '') : '';
    return `${repositoryName(this.route)} ${this.route.reference} ${this.accept} ${right}`;
  }

  /** Milliseconds. */
  get lifetime(): number {
    const { upstream, repository, reference } = this.route;
    return this.config.tagLifetime({ registry: upstream.name, repository, tag: reference });
  }
}
