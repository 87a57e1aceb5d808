import { randomUUID } from 'node:crypto';
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

describe('what registries tell', () => {
  const told = (remaining: string, limit?: string) =>
    fields({ 'ratelimit-remaining': remaining, ...(limit !== undefined && { 'ratelimit-limit': limit }) });
  const single = configOf({ REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: randomUUID(), ANONYMOUS_PULL: 'true' });
  const [upstream] = single.upstreams;
  const [robot] = upstream.accounts;

  test('is known of one account, of nobody, and of each of several, and names no login', () => {
    const quotas = new Quotas();
    quotas.note(UPSTREAM, C, 200, told('7;w=21600', '200;w=21600'));
    quotas.note(UPSTREAM, A, 200, told('5'));
    quotas.note({ ...upstream, name: 'a.example.com' }, robot, 200, told('87;w=21600', '100;w=21600'));
    quotas.note({ ...upstream, name: 'a.example.com' }, undefined, 200, told('9'));
    expect(quotas.all()).toEqual([
      { registry: 'a.example.com', account: '1', remaining: 87, limit: 100 },
      { registry: 'a.example.com', account: 'anonymous', remaining: 9 },
      { registry: 'docker.io', account: '1', remaining: 5 },
      { registry: 'docker.io', account: '3', remaining: 7, limit: 200 },
    ]);
    expect(JSON.stringify(quotas.all())).not.toContain('robot');
  });

  test('is none after a refusal, keeps its limit, and comes back', () => {
    const quotas = new Quotas();
    quotas.note(upstream, undefined, 200, told('1', '100'));
    quotas.note(upstream, undefined, 429, []);
    expect(quotas.all()).toMatchObject([{ remaining: 0, limit: 100 }]);
    quotas.note(upstream, undefined, 200, told('100', '100'));
    expect(quotas.all()).toMatchObject([{ remaining: 100 }]);
  });

  test('is nothing where a registry refuses without ever having counted', () => {
    const quotas = new Quotas();
    quotas.note(upstream, undefined, 429, []);
    quotas.note(upstream, robot, 200, told('many'));
    expect(quotas.all()).toEqual([]);
  });

  test('is kept of so many registries and no more', () => {
    const quotas = new Quotas();
    for (let n = 0; n < 1500; n++) quotas.note({ ...upstream, name: `r${n}.example.com` }, undefined, 200, told('1'));
    expect(quotas.all().length).toBe(1000);
    expect(quotas.all().some(({ registry }) => registry === 'r1499.example.com')).toBe(true);
  });
});
