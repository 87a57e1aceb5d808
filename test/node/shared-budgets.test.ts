import { MAX_PAGES } from '../../src/core/counted-page';
import { SharedBudgets } from '../../src/node/shared-budgets';
import { BudgetKeeper } from '../../src/shell/budget-keeper';
import { MemoryStore } from '../../src/storage/memory';
import { StoreError } from '../../src/storage/store-error';

const NOON = Date.parse('2026-02-28T12:00:00Z');

/** Never by itself: each test says when. */
const NEVER = 1_000_000_000;

let now: number;
let store: MemoryStore;
let faults: string[];
let open: SharedBudgets[];

beforeEach(() => {
  now = NOON;
  store = new MemoryStore({ maxBytes: 10_000_000 });
  faults = [];
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  await store.close();
});

/** @param keeper another one's, that gets a new configuration */
function begin(keeper = new BudgetKeeper(() => now)) {
  const shared = new SharedBudgets(keeper, store, ({ message }) => faults.push(message), NEVER);
  open.push(shared);
  const count = (requests: number) => {
    keeper.today;
    keeper.ledger.add('client', 'a', 'requests', requests);
    keeper.ledger.add('upstream', 'docker.io', 'bytes', 10 * requests);
  };
  const used = () => {
    keeper.today;
    return [keeper.ledger.used('client', 'a').requests, keeper.ledger.used('upstream', 'docker.io').bytes];
  };
  return { keeper, shared, count, used };
}

test('two processes count together, each its own and what the other has said', async () => {
  const [one, other] = [begin(), begin()];
  one.count(2);
  await one.shared.share();
  other.count(3);
  await other.shared.share();
  expect(other.used()).toEqual([5, 50]);
  expect(one.used()).toEqual([2, 20]);
  one.count(1);
  await one.shared.share();
  expect(one.used()).toEqual([6, 60]);
  expect(faults).toEqual([]);
});

test('one that begins later knows at once what was counted, also of one that was killed', async () => {
  const killed = begin();
  killed.count(4);
  await killed.shared.share();
  const next = begin();
  await next.shared.share();
  expect(next.used()).toEqual([4, 40]);
  next.count(1);
  await next.shared.share();
  const third = begin();
  await third.shared.share();
  expect(third.used()).toEqual([5, 50]);
});

test('one that ends says its last word', async () => {
  const one = begin();
  await one.shared.share();
  one.count(4);
  await one.shared.close();
  const next = begin();
  await next.shared.share();
  expect(next.used()).toEqual([4, 40]);
});

test('more processes than there are pages in a day lose nothing, since pages of those that are gone are taken over', async () => {
  for (let index = 0; index < MAX_PAGES + 5; index++) {
    const each = begin();
    each.count(1);
    await each.shared.close();
  }
  const last = begin();
  await last.shared.share();
  expect(last.used()).toEqual([MAX_PAGES + 5, 10 * (MAX_PAGES + 5)]);
  expect(faults).toEqual([]);
});

test('one that was frozen, and whose page was taken over, counts nothing twice', async () => {
  const frozen = begin();
  frozen.count(7);
  await frozen.shared.share();
  now += 200_000;
  const others = [];
  for (let index = 0; index < MAX_PAGES; index++) {
    const each = begin();
    each.count(1);
    await each.shared.share();
    others.push(each);
  }
  frozen.count(1);
  await frozen.shared.share();
  expect(frozen.used()).toEqual([MAX_PAGES + 8, 10 * (MAX_PAGES + 8)]);
  const last = others.at(-1);
  last?.count(1);
  await last?.shared.share();
  // All pages have living owners now, so that the one which was frozen is not heard.
  expect(last?.used()).toEqual([MAX_PAGES + 8, 10 * (MAX_PAGES + 8)]);
});

test('a new configuration still says whose page was taken over', async () => {
  const frozen = begin();
  frozen.count(7);
  await frozen.shared.share();
  now += 200_000;
  const others = Array.from({ length: MAX_PAGES }, () => begin());
  for (const each of others) {
    each.count(1);
    await each.shared.share();
  }
  const taker = others.at(-1) as ReturnType<typeof begin>;
  const renewed = begin(taker.keeper);
  await taker.shared.close();
  renewed.count(1);
  await renewed.shared.share();
  frozen.count(1);
  await frozen.shared.share();
  expect(frozen.used()).toEqual([MAX_PAGES + 9, 10 * (MAX_PAGES + 9)]);
});

test('pages that are taken over and cannot be written are not counted again with each try', async () => {
  for (let index = 0; index < MAX_PAGES; index++) {
    const each = begin();
    each.count(1);
    await each.shared.close();
  }
  const last = begin();
  const put = jest.spyOn(store, 'put').mockRejectedValue(new StoreError('full', 'the disk is full'));
  for (let tries = 1; tries <= 5; tries++) {
    last.count(1);
    await last.shared.share();
    expect(last.used()).toEqual([MAX_PAGES + tries, 10 * (MAX_PAGES + tries)]);
  }
  put.mockRestore();
  await last.shared.share();
  expect(last.used()).toEqual([MAX_PAGES + 5, 10 * (MAX_PAGES + 5)]);
  const next = begin();
  await next.shared.share();
  expect(next.used()).toEqual([MAX_PAGES + 5, 10 * (MAX_PAGES + 5)]);
});

test('a day that begins makes all pages free', async () => {
  const one = begin();
  one.count(7);
  await one.shared.share();
  now += 12 * 3_600_000;
  expect(one.used()).toEqual([0, 0]);
  const other = begin();
  other.count(1);
  await other.shared.share();
  expect(other.used()).toEqual([1, 10]);
});

test('a store that fails is told of, and done without, until it does not', async () => {
  const one = begin();
  await one.shared.share();
  one.count(1);
  const get = jest.spyOn(store, 'get').mockRejectedValueOnce(new StoreError('io', 'the disk is gone'));
  await one.shared.share();
  expect(faults.length).toBeGreaterThan(0);
  expect(one.used()).toEqual([1, 10]);
  get.mockRestore();
  await one.shared.share();
  const next = begin();
  await next.shared.share();
  expect(next.used()).toEqual([1, 10]);
});
