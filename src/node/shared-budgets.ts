import type { CacheDocument } from '../core/cache-verbs';
import { type CountedPage, choosePage, documentOf, MAX_PAGES, readPage, sumOf } from '../core/counted-page';
import type { Counted } from '../core/day-ledger';
import type { BudgetKeeper } from '../shell/budget-keeper';
import { inTime } from '../shell/deadline';
import { PatientStore } from '../shell/patient-store';
import { named } from '../storage/key';
import type { Store } from '../storage/store';
import { STORE_TIME } from './deposit';

/** Milliseconds between two exchanges of counts: so much of a day's use others do not know of, and a process that is killed forgets. */
export const SHARE_INTERVAL = 30_000;

/**
 * What processes that share a store count together, and one that is started again goes on from. Each writes a page of its own, and
 * adds up those of the others. A store that fails is done without.
 */
export class SharedBudgets {
  readonly #keeper: BudgetKeeper;
  readonly #store: PatientStore;
  readonly #onFault: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  #took: readonly string[] = [];
  /** What stands on our page. */
  #written: CountedPage | undefined;
  /** What there was to tell, and how many had asked, at the last exchange. */
  #seen: string | undefined;
  #opened = 0;
  #underWay: Promise<void>;

  constructor(keeper: BudgetKeeper, store: Store, onFault: (error: Error) => void, interval = SHARE_INTERVAL) {
    this.#keeper = keeper;
    this.#store = new PatientStore(store);
    this.#onFault = onFault;
    this.#underWay = this.#exchange(false);
    this.#timer = setInterval(() => this.share(), interval).unref();
  }

  /** Tells the others, and hears from them, where anything was asked since. Never fails. */
  share(): Promise<void> {
    this.#underWay = this.#underWay.then(() => this.#exchange(false));
    return this.#underWay;
  }

  /** The last word of this process; never fails. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay;
    await this.#exchange(true);
  }

  async #exchange(isLast: boolean): Promise<void> {
    const keeper = this.#keeper;
    const { now, day } = keeper.today;
    const { opened } = keeper;
    if (opened === this.#opened && textOf(keeper.ledger.own) === this.#seen && !isLast) return;
    try {
      const pages = await Promise.all(Array.from({ length: MAX_PAGES }, (_, slot) => this.#read(slot)));
      // The day may have turned meanwhile.
      if (keeper.today.day !== day) return;
      this.#giveUp(pages, day);
      const slot = choosePage(pages, { id: keeper.id, day, now, chance: Math.random() });
      const found = slot === undefined ? undefined : pages[slot];
      const isIdle = textOf(keeper.ledger.own) === NOTHING && found?.id !== keeper.id;
      // Another configuration of this process may have taken over more.
      if (found?.day === day && found.id === keeper.id) this.#took = [...new Set([...found.took, ...this.#took])];
      // What somebody has gone on with may still lie where it lay: it could not be written over.
      const today = pages.filter((page) => page?.day === day) as readonly CountedPage[];
      const taken = new Set([...this.#took, ...today.flatMap(({ took }) => took)]);
      const isNew = found?.day === day && found.id !== keeper.id && !taken.has(found.id);
      if (!isIdle && isNew) this.#takeOver(found);
      const others = today.filter((page) => !taken.has(page.id) && (isIdle || page !== found));
      keeper.ledger.others = sumOf(others);
      this.#seen = textOf(keeper.ledger.own);
      this.#opened = opened;
      if (slot === undefined || isIdle) return;
      this.#written = { id: keeper.id, day, at: isLast ? 0 : now, took: this.#took, ...keeper.ledger.own };
      await this.#write(slot, documentOf(this.#written));
    } catch (error) {
      this.#seen = undefined;
      this.#onFault(error as Error);
    }
  }

  /** What another process has gone on with, since this one was silent for too long, is not ours any more. */
  #giveUp(pages: readonly (CountedPage | undefined)[], day: number): void {
    const keeper = this.#keeper;
    if (this.#written?.day !== day) {
      this.#written = undefined;
      this.#took = [];
    }
    if (!pages.some((page) => page?.day === day && page.took.includes(keeper.id))) return;
    if (this.#written) keeper.ledger.addAll(this.#written, -1);
    keeper.rename();
    this.#written = undefined;
    this.#took = [];
  }

  #takeOver(page: CountedPage): void {
    this.#keeper.ledger.addAll(page, 1);
    this.#took = [...this.#took, page.id, ...page.took];
  }

  async #read(slot: number): Promise<CountedPage | undefined> {
    const reading = await this.#store.get(named(nameOf(slot)));
    await reading?.close();
    return readPage(reading?.entry.head);
  }

  async #write(slot: number, head: CacheDocument): Promise<void> {
    const sink = await this.#store.put(named(nameOf(slot)), { head });
    await inTime(sink.commit(), STORE_TIME, 'the store does not finish');
  }
}

function nameOf(slot: number): string {
  return `budgets ${slot}`;
}

/** Text of what has counted nothing. */
const NOTHING = JSON.stringify([[], []]);

function textOf({ client, upstream }: Counted): string {
  return JSON.stringify([[...client], [...upstream]]);
}
