import type { CacheDocument } from './cache-verbs';
import type { Counted, Side, Use } from './day-ledger';

/** Processes that share what they count by a store: so many pages there are. */
export const MAX_PAGES = 16;

/** Milliseconds without news after which a page's process is taken to be gone, and its page may be taken over. */
const PAGE_PATIENCE = 180_000;

/** Characters of the names and numbers on one page: a document's head holds 64 KiB (src/storage/store.ts). */
const PAGE_ROOM = 40_000;

/** Pages that one page says it has taken over, at most. */
const MAX_TAKEN = 64;

/** What one process has counted of a day. */
export interface CountedPage extends Counted {
  /** Of the process. */
  readonly id: string;
  readonly day: number;
  /** Milliseconds since 1970; 0 where its process has ended. */
  readonly at: number;
  /** Processes whose counts are among these, since their pages were taken over. */
  readonly took: readonly string[];
}

/** The page as a document; of many clients those with most bytes, as far as there is room. */
export function documentOf({ id, day, at, took, client, upstream }: CountedPage): CacheDocument {
  let room = PAGE_ROOM;
  const rows = (uses: ReadonlyMap<string, Use>) =>
    [...uses]
      .sort(([, one], [, other]) => other.bytes - one.bytes || other.requests - one.requests)
      .flatMap(([name, { bytes, requests }]) => {
        const row = [name, bytes, requests];
        room -= JSON.stringify(row).length + 1;
        return room > 0 ? [row] : [];
      });
  return { id, day, at, took: took.slice(-MAX_TAKEN), upstream: rows(upstream), client: rows(client) };
}

/** Undefined for a document that is none, or of another form. */
export function readPage(document: CacheDocument | undefined): CountedPage | undefined {
  const { id, day, at, took, client, upstream } = document ?? {};
  if (typeof id !== 'string' || !isNumber(day) || !isNumber(at) || !Array.isArray(took)) return undefined;
  const ids = took.filter((each) => typeof each === 'string');
  return { id, day, at, took: ids, client: readRows(client), upstream: readRows(upstream) };
}

function readRows(rows: unknown): ReadonlyMap<string, Use> {
  const all = Array.isArray(rows) ? rows : [];
  return new Map(
    all.flatMap((row): [string, Use][] => {
      const [name, bytes, requests] = Array.isArray(row) ? row : [];
      return typeof name === 'string' && isNumber(bytes) && isNumber(requests) ? [[name, { bytes, requests }]] : [];
    }),
  );
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}

/** All of them together. */
export function sumOf(pages: readonly Counted[]): Counted {
  const sum = (side: Side) => {
    const total = new Map<string, Use>();
    for (const [name, { bytes, requests }] of pages.flatMap((page) => [...page[side]])) {
      const before = total.get(name) ?? { bytes: 0, requests: 0 };
      total.set(name, { bytes: before.bytes + bytes, requests: before.requests + requests });
    }
    return total;
  };
  return { client: sum('client'), upstream: sum('upstream') };
}

/**
 * Where a process writes: its own page, a free one, or that of a process that is gone, whose counts it goes on with.
 * @param pages of all slots
 * @param chance from 0 to 1, so that two that begin at once seldom choose the same
 * @returns undefined where there is no room
 */
export function choosePage(
  pages: readonly (CountedPage | undefined)[],
  { id, day, now, chance }: { id: string; day: number; now: number; chance: number },
): number | undefined {
  const own = pages.findIndex((page) => page?.id === id);
  if (own >= 0) return own;
  const slots = pages.map((page, slot) => ({ page, slot }));
  const free = slots.filter(({ page }) => page?.day !== day);
  const gone = slots.filter(({ page }) => page && Math.abs(now - page.at) > PAGE_PATIENCE);
  const among = free.length > 0 ? free : gone;
  return among[Math.floor(chance * among.length)]?.slot;
}
