import { MAX_TOKEN_BYTES, MAX_TOKENS, TokenStore } from '../../src/shell/token-store';

const DOCUMENT = '{"token":"t","expires_in":300}';

describe('a token', () => {
  test('is fetched once for all who wait for it, and kept for those who come later', async () => {
    const store = new TokenStore();
    const fetch = jest.fn(async () => DOCUMENT);
    const all = await Promise.all(Array.from({ length: 50 }, () => store.obtain('k', undefined, fetch)));
    expect(new Set(all)).toEqual(new Set([DOCUMENT]));
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(store.get('k')).toBe(DOCUMENT);
    expect(store.get('other')).toBeUndefined();
  });

  test('that cannot be had is asked for again by the next one', async () => {
    const store = new TokenStore();
    expect(await store.obtain('k', undefined, async () => undefined)).toBeUndefined();
    await expect(store.obtain('k', undefined, async () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(await store.obtain('k', undefined, async () => DOCUMENT)).toBe(DOCUMENT);
  });

  test('is dropped before it expires, and at once where it is none', async () => {
    const store = new TokenStore();
    await store.obtain('short', undefined, async () => '{"token":"t","expires_in":0.1}');
    expect(store.get('short')).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(store.get('short')).toBeUndefined();
    await store.obtain('none', undefined, async () => 'no json');
    expect(store.get('none')).toBeUndefined();
  });

  test('that was refused is not given out again, but one that came meanwhile is', async () => {
    const store = new TokenStore();
    await store.obtain('k', undefined, async () => DOCUMENT);
    const newer = '{"token":"newer"}';
    expect(await store.obtain('k', 't', async () => newer)).toBe(newer);
    expect(await store.obtain('k', 't', async () => 'not asked')).toBe(newer);
  });

  describe('that has used up most of its time', () => {
    let now = 0;
    beforeEach(() => {
      now = 1000;
      jest.spyOn(performance, 'now').mockImplementation(() => now);
    });
    afterEach(() => jest.restoreAllMocks());

    const documents = (...texts: (string | undefined)[]) => jest.fn(async () => texts.shift());

    test('is renewed while it still serves, once for all', async () => {
      const store = new TokenStore();
      const fetch = documents(DOCUMENT, '{"token":"next","expires_in":300}');
      await store.obtain('k', undefined, fetch);
      now += 170_000;
      expect(store.get('k')).toBe(DOCUMENT);
      expect(fetch).toHaveBeenCalledTimes(1);
      now += 20_000;
      expect([store.get('k'), store.get('k')]).toEqual([DOCUMENT, DOCUMENT]);
      expect(fetch).toHaveBeenCalledTimes(2);
      await store.obtain('k', 't', async () => 'not asked');
      expect(store.get('k')).toContain('next');
    });

    test('serves on where its renewal fails, which is tried again after a while', async () => {
      const store = new TokenStore();
      const fetch = documents(DOCUMENT, undefined, '');
      await store.obtain('k', undefined, fetch);
      now += 190_000;
      for (let asked = 0; asked < 5; asked++) {
        expect(store.get('k')).toBe(DOCUMENT);
        await Promise.resolve();
        now += 5_000;
      }
      expect(fetch).toHaveBeenCalledTimes(4);
      now += 50_000;
      expect(store.get('k')).toBeUndefined();
    });
  });

  test('makes room: the oldest goes', async () => {
    const store = new TokenStore();
    for (let i = 0; i <= MAX_TOKENS; i++) await store.obtain(`k${i}`, undefined, async () => DOCUMENT);
    expect([store.get('k0'), store.get('k1'), store.get(`k${MAX_TOKENS}`)]).toEqual([undefined, DOCUMENT, DOCUMENT]);
  });

  test('makes room by size as well: long ones cannot fill the memory, and count only while they are kept', async () => {
    const store = new TokenStore();
    const long = JSON.stringify({ token: 'x'.repeat(MAX_TOKEN_BYTES / 8), expires_in: 300 });
    await store.obtain('other', undefined, async () => DOCUMENT);
    for (let i = 0; i < 20; i++) {
      await store.obtain('same', undefined, async () => long);
      store.delete('same');
      store.delete('same');
    }
    expect(store.get('other')).toBe(DOCUMENT);
    for (let i = 0; i < 9; i++) await store.obtain(`k${i}`, undefined, async () => long);
    const kept = Array.from({ length: 9 }, (_, i) => store.get(`k${i}`) !== undefined);
    expect([store.get('other'), kept]).toEqual([undefined, [false, false, ...Array(7).fill(true)]]);
  });
});

describe('where a request may be ended while others wait for what it fetches', () => {
  const sharing = { renews: false, patience: 50 };
  const document = (token: string) => JSON.stringify({ token, expires_in: 300 });

  test('it is waited for so long, and then one of them fetches for the others', async () => {
    const store = new TokenStore(sharing);
    const never = store.obtain('k', undefined, () => new Promise(() => {}));
    never.catch(() => {});
    const fetch = jest.fn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return document('a');
    });
    const others = await Promise.all(Array.from({ length: 5 }, () => store.obtain('k', undefined, fetch)));
    expect(others).toEqual(Array(5).fill(document('a')));
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(await store.obtain('k', undefined, fetch)).toBe(document('a'));
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  test('what comes in time serves all', async () => {
    const store = new TokenStore(sharing);
    const fetch = jest.fn(async () => document('a'));
    const all = await Promise.all([1, 2, 3].map(() => store.obtain('k', undefined, fetch)));
    expect([all, fetch.mock.calls.length]).toEqual([Array(3).fill(document('a')), 1]);
  });

  test('none is fetched in the background', async () => {
    jest.useFakeTimers();
    try {
      const store = new TokenStore(sharing);
      const fetch = jest.fn(async () => document('a'));
      await store.obtain('k', undefined, fetch);
      jest.advanceTimersByTime(200_000);
      expect(store.get('k')).toBe(document('a'));
      expect(fetch).toHaveBeenCalledTimes(1);
    } finally {
      jest.useRealTimers();
    }
  });
});
