import { CacheMemory } from '../core/cache-memory';
import type { Memory, Tokens } from '../core/memory';
import { Quotas } from '../core/quota';
import { readToken, tokenLifetime } from '../core/token';

type Fetch = () => Promise<string | undefined>;

interface Held {
  readonly document: string;
  /** Of performance.now(). */
  readonly until: number;
  /** From then on a new one is fetched while this one still serves, so that nobody waits for it. */
  renewFrom: number;
  readonly fetch: Fetch;
}

/** The part of a token's usable time after which it is renewed at its next use. */
const RENEWAL = 0.75;

/** Milliseconds before a renewal that failed is tried again. */
const RENEWAL_PAUSE = 10_000;

/** Tokens kept at most; one more drops the oldest. Each is some 2 KB. */
export const MAX_TOKENS = 1000;

/** Bytes of the documents kept: a registry decides how long its tokens are, and there may be a hostile one among several. */
export const MAX_TOKEN_BYTES = 16 * 1024 * 1024;

/** How far one request's work can be relied on by another. */
export interface TokenSharing {
  /** Tokens are fetched anew before they run out, in the background. */
  readonly renews: boolean;
  /** Milliseconds that one request waits for what another fetches, which may have been ended meanwhile. */
  readonly patience: number;
}

const WITHIN_PROCESS: TokenSharing = { renews: true, patience: Number.POSITIVE_INFINITY };

/** The memory of a configuration that has just been read: nothing is known yet. */
export function createMemory(sharing = WITHIN_PROCESS): Memory & { readonly tokens: TokenStore } {
  return { realms: new Map(), tokens: new TokenStore(sharing), quotas: new Quotas(), cache: new CacheMemory() };
}

/** Token documents for as long as they are good. Whoever waits for the same one gets the same: one request for many. */
export class TokenStore implements Tokens {
  readonly #held = new Map<string, Held>();
  readonly #coming = new Map<string, Promise<string | undefined>>();
  readonly #sharing: TokenSharing;
  #bytes = 0;

  constructor(sharing = WITHIN_PROCESS) {
    this.#sharing = sharing;
  }

  get(key: string): string | undefined {
    const held = this.#held.get(key);
    const now = performance.now();
    if (held && held.until > now) {
      if (this.#sharing.renews && held.renewFrom <= now) this.#renew(key, held);
      return held.document;
    }
    this.delete(key);
    return undefined;
  }

  delete(key: string): void {
    this.#bytes -= this.#held.get(key)?.document.length ?? 0;
    this.#held.delete(key);
  }

  /**
   * @param spent a token that was refused: it is not given out again
   * @param fetch gets the document, or undefined where there is none; it must not depend on who asked first
   */
  obtain(key: string, spent: string | undefined, fetch: Fetch): Promise<string | undefined> {
    const held = this.get(key);
    if (held !== undefined && (spent === undefined || readToken(held) !== spent)) return Promise.resolve(held);
    const coming = this.#coming.get(key);
    if (coming) return this.#follow(key, coming, fetch);
    return this.#fetch(key, fetch);
  }

  #fetch(key: string, fetch: Fetch): Promise<string | undefined> {
    return this.#await(
      key,
      fetch().then((document) => {
        this.delete(key);
        return document === undefined ? undefined : this.#keep(key, document, fetch);
      }),
    );
  }

  /** What somebody else is fetching, or what is fetched in its place where that does not come. */
  async #follow(key: string, coming: Promise<string | undefined>, fetch: Fetch): Promise<string | undefined> {
    const { patience } = this.#sharing;
    if (!Number.isFinite(patience)) return coming;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), patience);
    });
    const came = await Promise.race([coming.then((document) => ({ document })), late]);
    clearTimeout(timer);
    if (came !== 'late') return came.document;
    const latest = this.#coming.get(key);
    // Several may have waited: the first one that gives up is followed by the others.
    return latest && latest !== coming ? this.#follow(key, latest, fetch) : this.#fetch(key, fetch);
  }

  /** In the background; where it fails, the token at hand serves as long as it lives. */
  #renew(key: string, held: Held): void {
    held.renewFrom = performance.now() + RENEWAL_PAUSE;
    if (this.#coming.has(key)) return;
    const renewed = held.fetch().then((document) => (document ? this.#keep(key, document, held.fetch) : document));
    this.#await(key, renewed).catch(() => {});
  }

  #await(key: string, document: Promise<string | undefined>): Promise<string | undefined> {
    const promise = document.finally(() => {
      if (this.#coming.get(key) === promise) this.#coming.delete(key);
    });
    this.#coming.set(key, promise);
    return promise;
  }

  #keep(key: string, document: string, fetch: Fetch): string {
    this.delete(key);
    const lifetime = tokenLifetime(document);
    const now = performance.now();
    if (lifetime > 0) {
      this.#held.set(key, { document, until: now + lifetime, renewFrom: now + lifetime * RENEWAL, fetch });
      this.#bytes += document.length;
    }
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= MAX_TOKENS && this.#bytes <= MAX_TOKEN_BYTES) break;
      this.delete(oldest);
    }
    return document;
  }
}
