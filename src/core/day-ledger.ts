import { MAX_CLIENTS } from './rate-limit';

/** Milliseconds of a day of UTC. */
const DAY = 86_400_000;

/**
 * Registries whose use is remembered; one more forgets the one that was used least. A name with `*` stands for as many as clients make
 * up, and those must not make it forget one that is used.
 */
export const MAX_COUNTED_REGISTRIES = 1_000;

/** Parts of a budget at which its owner is warned, the last one first. */
const MARKS = [1, 0.8];

const SIDES: readonly Side[] = ['client', 'upstream'];

export const UNITS: readonly Unit[] = ['requests', 'bytes'];

export type Unit = 'bytes' | 'requests';

/** What has been used of a day. */
export type Use = Readonly<Record<Unit, number>>;

/** Whose use is counted: who asks, and who is asked. */
export type Side = 'client' | 'upstream';

/** A body under way: `bytes` grow as they are handed over. */
export interface Holder {
  readonly bytes: number;
}

/** What others have counted of the same day. */
export type Counted = Readonly<Record<Side, ReadonlyMap<string, Use>>>;

interface Open {
  readonly holder: Holder;
  /** Bytes that are in the tally. */
  counted: number;
  /** Milliseconds since 1970, when more of it was found last. */
  movedAt: number;
}

interface Tally {
  readonly use: Record<Unit, number>;
  /** Bodies under way. */
  readonly open: Set<Open>;
  /** The highest mark that was told, in bytes or requests. */
  readonly told: Record<Unit, number>;
}

/** What clients and registries have used of the present day of UTC. */
export class DayLedger {
  #day = Number.NaN;
  readonly #tallies: Readonly<Record<Side, Map<string, Tally>>> = { client: new Map(), upstream: new Map() };
  #others: Counted = NOBODY;
  readonly #lease: number;
  /** Milliseconds since 1970. */
  #now = Number.NaN;

  /** @param lease milliseconds without a byte after which a body is taken to be over, where the end of one may not be seen */
  constructor(lease = Number.POSITIVE_INFINITY) {
    this.#lease = lease;
  }

  /** The day that is counted: days since 1970. */
  get day(): number {
    return this.#day;
  }

  /**
   * Begins anew where it is another day. What a body has brought by then counts for the day before.
   * @param now milliseconds since 1970
   */
  turn(now: number): void {
    this.#now = now;
    const day = dayOf(now);
    if (day === this.#day) return;
    this.#day = day;
    this.#others = NOBODY;
    this.#tallies.upstream.clear();
    for (const [name, tally] of this.#tallies.client) {
      this.#settle(tally);
      const { open } = tally;
      if (open.size === 0) this.#tallies.client.delete(name);
      else this.#tallies.client.set(name, { use: { bytes: 0, requests: 0 }, open, told: { bytes: 0, requests: 0 } });
    }
  }

  /** Own and others'. */
  used(side: Side, name: string): Use {
    const own = this.#tallies[side].get(name);
    const others = this.#others[side].get(name) ?? NOTHING;
    if (!own) return others;
    this.#settle(own);
    return { bytes: own.use.bytes + others.bytes, requests: own.use.requests + others.requests };
  }

  add(side: Side, name: string, unit: Unit, count: number): void {
    this.#tally(side, name).use[unit] += count;
  }

  /** @param sign 1, or -1 for what is counted elsewhere now */
  addAll(counted: Counted, sign: 1 | -1): void {
    for (const side of SIDES) {
      for (const [name, more] of counted[side]) {
        const tally = this.#tally(side, name);
        this.#settle(tally);
        for (const unit of UNITS) tally.use[unit] = Math.max(0, tally.use[unit] + sign * more[unit]);
      }
    }
  }

  /**
   * Counts the bytes of a client's body as they flow.
   * @returns what ends it
   */
  follow(client: string, holder: Holder): () => void {
    const open: Open = { holder, counted: holder.bytes, movedAt: this.#now };
    this.#tally('client', client).open.add(open);
    return () => {
      // The day may have turned, which makes a new tally around the same set.
      const tally = this.#tallies.client.get(client);
      if (!tally?.open.has(open)) return;
      this.#settle(tally);
      tally.open.delete(open);
    };
  }

  /** The part of the limit that has just been reached, told once; undefined for none. */
  mark(side: Side, name: string, unit: Unit, limit: number): number | undefined {
    const tally = this.#tallies[side].get(name);
    if (!tally) return undefined;
    const used = this.used(side, name)[unit];
    const part = MARKS.find((each) => used >= limit * each);
    if (part === undefined || limit * part <= tally.told[unit]) return undefined;
    tally.told[unit] = limit * part;
    return part;
  }

  /** What was counted here alone. */
  get own(): Counted {
    const usesOf = (side: Side) =>
      new Map(
        [...this.#tallies[side]].map(([name, tally]) => {
          this.#settle(tally);
          return [name, { ...tally.use }] as const;
        }),
      );
    return { client: usesOf('client'), upstream: usesOf('upstream') };
  }

  /** Of the same day; in place of what was told of others before. */
  set others(counted: Counted) {
    this.#others = counted;
  }

  /** Names that anything is known of. */
  names(side: Side): ReadonlySet<string> {
    return new Set([...this.#tallies[side].keys(), ...this.#others[side].keys()]);
  }

  #settle({ use, open }: Tally): void {
    for (const each of open) {
      const { bytes } = each.holder;
      if (bytes !== each.counted) each.movedAt = this.#now;
      else if (this.#now - each.movedAt > this.#lease) open.delete(each);
      use.bytes += bytes - each.counted;
      each.counted = bytes;
    }
  }

  /** The one that was silent for longest comes first. */
  #tally(side: Side, name: string): Tally {
    const tallies = this.#tallies[side];
    const tally = tallies.get(name) ?? {
      use: { bytes: 0, requests: 0 },
      open: new Set(),
      told: { bytes: 0, requests: 0 },
    };
    tallies.delete(name);
    tallies.set(name, tally);
    if (side === 'client') {
      const [oldest] = tallies.keys();
      if (tallies.size > MAX_CLIENTS) tallies.delete(oldest);
    } else if (tallies.size > MAX_COUNTED_REGISTRIES) tallies.delete(leastUsed(tallies, name));
    return tally;
  }
}

const NOTHING: Use = { bytes: 0, requests: 0 };

const NOBODY: Counted = { client: new Map(), upstream: new Map() };

/** Bytes that weigh as much as one request. */
const WEIGHT = 1_000_000;

/** @param newest has had no time to be used */
function leastUsed(tallies: ReadonlyMap<string, Tally>, newest: string): string {
  let least = { name: newest, weight: Number.POSITIVE_INFINITY };
  for (const [name, { use }] of tallies) {
    const weight = use.requests + use.bytes / WEIGHT;
    if (name !== newest && weight < least.weight) least = { name, weight };
  }
  return least.name;
}

/** @param now milliseconds since 1970 */
export function dayOf(now: number): number {
  return Math.floor(now / DAY);
}

/** Milliseconds since 1970 at which the next day of UTC begins. */
export function nextDay(now: number): number {
  return (dayOf(now) + 1) * DAY;
}
