import { Miniflare } from 'miniflare';
import { type Kv, KvRows, ROWS_LIFETIME, ROWS_PATIENCE } from '../../src/worker/rows-kv';

const GHCR = '{"targetDomain":"ghcr.io"}';

/** A namespace in memory that shows what was written when it is told to, and fails when it is told to. */
function kvOf(rows: Record<string, string>) {
  const [written, shown] = [new Map(Object.entries(rows)), new Map(Object.entries(rows))];
  const state = { fails: false, reads: 0, sizes: [] as number[] };
  const check = async () => {
    if (state.fails) throw new Error('KV GET failed: 500');
  };
  const kv: Kv = {
    async list({ cursor }) {
      await check();
      state.reads += 1;
      const from = Number(cursor ?? 0);
      const names = [...shown.keys()].sort();
      const keys = names.slice(from, from + 400).map((name) => ({ name }));
      return { keys, list_complete: from + 400 >= names.length, cursor: String(from + 400) };
    },
    async get(keys) {
      await check();
      state.sizes.push(keys.length);
      return new Map(keys.map((key) => [key, shown.get(key) ?? null]));
    },
    async put(key, value) {
      await check();
      written.set(key, value);
    },
    async delete(key) {
      await check();
      written.delete(key);
    },
  };
  const settle = () => {
    shown.clear();
    for (const [key, value] of written) shown.set(key, value);
  };
  return { kv, written, settle, state };
}

const keysOf = (rows: readonly { key: string }[]) => rows.map(({ key }) => key);

function isolate(kv: Kv) {
  const rows = new KvRows(kv);
  const faults: Error[] = [];
  let underWay: Promise<unknown>[] = [];
  const current = () =>
    rows.current(
      (work) => underWay.push(work),
      (error) => faults.push(error),
    );
  const settled = async () => {
    await Promise.all(underWay);
    underWay = [];
  };
  return { rows, current, faults, settled, waiting: () => underWay.length };
}

describe('rows of a KV namespace', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }));
  afterEach(() => void jest.useRealTimers());

  test('are read once, and again behind an answer when they are old', async () => {
    const { kv, written, settle, state } = kvOf({ ghcr: GHCR });
    const { current, settled, waiting } = isolate(kv);
    const first = await current();
    written.set('quay', GHCR);
    settle();
    jest.advanceTimersByTime(ROWS_LIFETIME - 1);
    expect([await current(), state.reads, waiting()]).toEqual([first, 1, 0]);
    jest.advanceTimersByTime(1);
    // the answer does not wait, and many requests at once read them once
    expect([await current(), await current(), waiting()]).toEqual([first, first, 1]);
    await settled();
    expect([keysOf(await current()), state.reads]).toEqual([['ghcr', 'quay'], 2]);
  });

  test('are the same list where nothing has changed, so that nothing is forgotten that was learnt', async () => {
    const { kv } = kvOf({ ghcr: GHCR });
    const { current, settled } = isolate(kv);
    const first = await current();
    jest.advanceTimersByTime(ROWS_LIFETIME);
    await current();
    await settled();
    expect(await current()).toBe(first);
  });

  test('go on being served while KV fails, and are asked for again later', async () => {
    const { kv, state } = kvOf({ ghcr: GHCR });
    const { current, settled, faults } = isolate(kv);
    const first = await current();
    state.fails = true;
    jest.advanceTimersByTime(ROWS_LIFETIME);
    expect(await current()).toBe(first);
    await settled();
    expect(faults).toEqual([expect.objectContaining({ status: 503, cause: new Error('KV GET failed: 500') })]);
    await current();
    await settled();
    expect(faults).toHaveLength(1);
    jest.advanceTimersByTime(ROWS_PATIENCE);
    state.fails = false;
    await current();
    await settled();
    expect([faults.length, state.reads]).toEqual([1, 2]);
  });

  test('are a 503 where none are known, which does not last', async () => {
    const { kv, state } = kvOf({ ghcr: GHCR });
    const { current } = isolate(kv);
    state.fails = true;
    const message = 'the KV namespace REGISTRY_MAPS cannot be reached';
    await expect(current()).rejects.toMatchObject({ status: 503, message });
    state.fails = false;
    expect(keysOf(await current())).toEqual(['ghcr']);
  });

  test('are a 503 where KV does not answer', async () => {
    const { kv } = kvOf({});
    const { current } = isolate({ ...kv, list: () => new Promise(() => {}) });
    const waiting = expect(current()).rejects.toMatchObject({ status: 503 });
    await jest.advanceTimersByTimeAsync(5000);
    await waiting;
  });

  test('show a change at once where it was made, though KV does not yet', async () => {
    const { kv, settle } = kvOf({ ghcr: GHCR, old: GHCR });
    const { rows, current } = isolate(kv);
    await current();
    await rows.put({ key: 'new', text: GHCR });
    await rows.put({ key: 'ghcr', text: '{}' });
    await rows.delete({ key: 'old', text: GHCR });
    const now = [
      { key: 'ghcr', text: '{}' },
      { key: 'new', text: GHCR },
    ];
    expect([await current(), await rows.list()]).toEqual([now, now]);
    settle();
    expect(await rows.list()).toEqual(now);
  });

  test('show what others have changed since, once KV has had its time', async () => {
    const { kv, written, settle } = kvOf({});
    const { rows } = isolate(kv);
    await rows.list();
    await rows.put({ key: 'a', text: GHCR });
    written.set('a', '{}');
    settle();
    expect((await rows.list())[0]?.text).toBe(GHCR);
    jest.advanceTimersByTime(ROWS_LIFETIME + 1);
    expect((await rows.list())[0]?.text).toBe('{}');
  });

  test('are known whole before a change is shown among them', async () => {
    const { kv } = kvOf({ ghcr: GHCR });
    const { rows, current } = isolate(kv);
    await rows.put({ key: 'a', text: GHCR });
    expect(keysOf(await current())).toEqual(['a', 'ghcr']);
  });

  test('are read a hundred at a time, a thousand at most, and one that is too large is none', async () => {
    const many = Array.from({ length: 1100 }, (_, index) => [`r${String(index).padStart(4, '0')}`, GHCR]);
    const { kv, state } = kvOf({ ...Object.fromEntries(many), r0001: 'x'.repeat(65_537) });
    const rows = await isolate(kv).rows.list();
    expect([rows.length, rows[1], state.sizes]).toEqual([1000, { key: 'r0001', text: '' }, Array(10).fill(100)]);
  });
});

describe('of the simulator', () => {
  const simulator = new Miniflare({
    modules: true,
    script: 'export default { fetch: () => new Response() }',
    compatibilityDate: '2026-04-01',
    kvNamespaces: ['REGISTRY_MAPS'],
  });
  afterAll(() => simulator.dispose());

  test('a namespace is read, written and listed', async () => {
    const kv = (await simulator.getKVNamespace('REGISTRY_MAPS')) as unknown as Kv;
    await kv.put('ghcr', GHCR);
    const { rows, current } = isolate(kv);
    expect(await current()).toEqual([{ key: 'ghcr', text: GHCR }]);
    await rows.put({ key: '*.pkg.dev', text: '{}' });
    await rows.delete({ key: 'ghcr', text: GHCR });
    const again = isolate(kv);
    expect(await again.current()).toEqual([{ key: '*.pkg.dev', text: '{}' }]);
  });
});
