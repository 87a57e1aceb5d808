import { RegistryError } from '../core/errors';
import type { Row } from '../core/registry-rows';
import { MAX_ROW, MAX_ROWS, type RowStore } from '../shell/row-store';
import type { KeepAlive } from './platform';

/** What is used of a KV namespace. */
export interface Kv {
  list(options: { readonly cursor?: string }): Promise<KvPage>;
  get(keys: string[], type: 'text'): Promise<Map<string, string | null>>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

interface KvPage {
  readonly keys: readonly { readonly name: string }[];
  readonly list_complete: boolean;
  readonly cursor?: string;
}

/** Milliseconds for which rows are served as they were read: the free plan has 1000 listings a day, and each isolate makes its own. */
export const ROWS_LIFETIME = 180_000;

/** Milliseconds after which reading them is tried again that failed, or never came to an end. */
export const ROWS_PATIENCE = 10_000;

/** Milliseconds for all of them. */
const READ_TIMEOUT = 5_000;

/** Keys that are asked for at once, as many as KV takes. */
const KEYS_AT_ONCE = 100;

/** Rows of a KV namespace, each under its key, as an isolate knows them. */
export class KvRows implements RowStore {
  readonly #kv: Kv;
  #known: readonly Row[] | undefined;
  #readAt = 0;
  #triedAt = 0;
  /** What was changed here: KV may go on showing what was there before for a while. */
  readonly #changes = new Map<string, { readonly text: string | undefined; readonly at: number }>();

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /**
   * The rows as they are known: the same list as before where nothing has changed. Old ones are read again behind the answer,
   * and go on being served where that fails.
   * @throws RegistryError 503 where none are known and none can be had
   */
  async current(keepAlive: KeepAlive, onFault: (error: Error) => void): Promise<readonly Row[]> {
    const known = this.#known;
    if (!known) return this.#read();
    const now = Date.now();
    if (now - this.#readAt >= ROWS_LIFETIME && now - this.#triedAt >= ROWS_PATIENCE) {
      // No promise is waited for that may belong to a request that is gone.
      this.#triedAt = now;
      keepAlive(this.#read().catch(onFault));
    }
    return known;
  }

  /** KV knows no way to keep others out. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  list(): Promise<readonly Row[]> {
    return this.#read();
  }

  async put({ key, text }: Row): Promise<boolean> {
    await inTime(this.#kv.put(key, text));
    this.#note(key, text);
    return true;
  }

  async delete({ key }: Row): Promise<boolean> {
    await inTime(this.#kv.delete(key));
    this.#note(key, undefined);
    return true;
  }

  #note(key: string, text: string | undefined): void {
    this.#changes.set(key, { text, at: Date.now() });
    if (this.#known) this.#learn(this.#known);
  }

  async #read(): Promise<readonly Row[]> {
    const since = Date.now();
    const rows = await inTime(readAll(this.#kv));
    this.#readAt = since;
    return this.#learn(rows);
  }

  #learn(rows: readonly Row[]): readonly Row[] {
    const now = Date.now();
    for (const [key, { at }] of this.#changes) if (now - at > ROWS_LIFETIME) this.#changes.delete(key);
    const untouched = rows.filter(({ key }) => !this.#changes.has(key));
    const own = [...this.#changes].flatMap(([key, { text }]) => (text === undefined ? [] : [{ key, text }]));
    const next = [...untouched, ...own].sort((one, other) => (one.key < other.key ? -1 : 1));
    const isSame = JSON.stringify(next) === JSON.stringify(this.#known);
    this.#known = isSame ? this.#known : next;
    return this.#known as readonly Row[];
  }
}

async function readAll(kv: Kv): Promise<readonly Row[]> {
  const keys: string[] = [];
  let page: KvPage | undefined;
  do {
    page = await kv.list(page?.cursor === undefined ? {} : { cursor: page.cursor });
    keys.push(...page.keys.map(({ name }) => name));
  } while (!page.list_complete && keys.length < MAX_ROWS);
  const wanted = keys.slice(0, MAX_ROWS);
  const rows: Row[] = [];
  for (let at = 0; at < wanted.length; at += KEYS_AT_ONCE) {
    const found = await kv.get(wanted.slice(at, at + KEYS_AT_ONCE), 'text');
    // One that is too large is shown as what it is: no row.
    for (const [key, text] of found) if (text !== null) rows.push({ key, text: text.length > MAX_ROW ? '' : text });
  }
  return rows;
}

/** @throws RegistryError 503 that has for its cause what KV says: that is for the log */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), READ_TIMEOUT);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    const message = 'the KV namespace REGISTRY_MAPS cannot be reached';
    throw Object.assign(new RegistryError(503, 'UNAVAILABLE', message), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
