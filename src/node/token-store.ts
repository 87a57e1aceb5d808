import type { Memory, Tokens } from '../core/memory';
import { Quotas } from '../core/quota';
import { readToken, tokenLifetime } from '../core/token';

interface Held {
  readonly document: string;
  /** Of performance.now(). */
  readonly until: number;
}

/** Tokens kept at most; one more drops the oldest. Each is some 2 KB. */
export const MAX_TOKENS = 1000;

/** The memory of a configuration that has just been read: nothing is known yet. */
export function createMemory(): Memory & { readonly tokens: TokenStore } {
  return { realms: new Map(), tokens: new TokenStore(), quotas: new Quotas() };
}

/** Token documents for as long as they are good. Whoever waits for the same one gets the same: one request for many. */
export class TokenStore implements Tokens {
  readonly #held = new Map<string, Held>();
  readonly #coming = new Map<string, Promise<string | undefined>>();

  get(key: string): string | undefined {
    const held = this.#held.get(key);
    if (held && held.until > performance.now()) return held.document;
    this.#held.delete(key);
    return undefined;
  }

  /**
   * @param spent a token that was refused: it is not given out again
   * @param fetch gets the document, or undefined where there is none; it must not depend on who asked first
   */
  obtain(
    key: string,
    spent: string | undefined,
    fetch: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const held = this.get(key);
    if (held !== undefined && readToken(held) !== spent) return Promise.resolve(held);
    const coming = this.#coming.get(key);
    if (coming) return coming;
    const promise = fetch()
      .then((document) => this.#keep(key, document))
      .finally(() => this.#coming.delete(key));
    this.#coming.set(key, promise);
    return promise;
  }

  #keep(key: string, document: string | undefined): string | undefined {
    this.#held.delete(key);
    if (document === undefined) return undefined;
    const lifetime = tokenLifetime(document);
    if (lifetime > 0) this.#held.set(key, { document, until: performance.now() + lifetime });
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_TOKENS) this.#held.delete(oldest);
    return document;
  }
}
