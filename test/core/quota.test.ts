import type { Account } from '../../src/core/account';
import { Quotas } from '../../src/core/quota';
import { configOf, fields } from './heads';

const UPSTREAM = configOf({ REGISTRY_ACCOUNTS: 'a:1,b:2,c:3', ANONYMOUS_PULL: 'true' }).upstreams[0];
const [A, B, C] = UPSTREAM.accounts;
const NONE = new Set<Account>();

const left = (remaining: number) => fields({ 'ratelimit-remaining': `${remaining};w=21600` });

describe('of several accounts', () => {
  test('the first one asks as long as nothing is known', () => {
    expect(new Quotas().choose(UPSTREAM, NONE)).toBe(A);
  });

  test('one that has not been tried is better than one that is known, and then the one with most left', () => {
    const quotas = new Quotas();
    quotas.note(UPSTREAM, A, 200, left(100));
    expect(quotas.choose(UPSTREAM, NONE)).toBe(B);
    quotas.note(UPSTREAM, B, 200, left(150));
    quotas.note(UPSTREAM, C, 200, left(99));
    expect(quotas.choose(UPSTREAM, NONE)).toBe(B);
    quotas.note(UPSTREAM, B, 200, left(99));
    expect(quotas.choose(UPSTREAM, NONE)).toBe(A);
  });

  test('one that got 429 comes last, and of those the one that was refused longest ago first', () => {
    const quotas = new Quotas();
    for (const account of [B, A, C]) quotas.note(UPSTREAM, account, 429, left(80));
    expect(quotas.choose(UPSTREAM, NONE)).toBe(B);
    expect(quotas.choose(UPSTREAM, new Set([B]))).toBe(A);
    quotas.note(UPSTREAM, B, 429, []);
    expect(quotas.choose(UPSTREAM, NONE)).toBe(A);
    quotas.note(UPSTREAM, C, 200, left(1));
    expect(quotas.choose(UPSTREAM, NONE)).toBe(C);
  });

  test('each is tried once', () => {
    expect(new Quotas().choose(UPSTREAM, new Set([A, B, C]))).toBeUndefined();
  });

  test('an answer that says nothing changes nothing', () => {
    const quotas = new Quotas();
    quotas.note(UPSTREAM, A, 200, left(5));
    for (const value of ['', 'many', '-1']) quotas.note(UPSTREAM, B, 200, fields({ 'ratelimit-remaining': value }));
    quotas.note(UPSTREAM, A, 200, []);
    expect([quotas.choose(UPSTREAM, NONE), quotas.choose(UPSTREAM, new Set([B, C]))]).toEqual([B, A]);
  });
});
