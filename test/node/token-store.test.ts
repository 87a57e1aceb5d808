import { MAX_TOKENS, TokenStore } from '../../src/node/token-store';

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

  test('makes room: the oldest goes', async () => {
    const store = new TokenStore();
    for (let i = 0; i <= MAX_TOKENS; i++) await store.obtain(`k${i}`, undefined, async () => DOCUMENT);
    expect([store.get('k0'), store.get('k1'), store.get(`k${MAX_TOKENS}`)]).toEqual([undefined, DOCUMENT, DOCUMENT]);
  });
});
