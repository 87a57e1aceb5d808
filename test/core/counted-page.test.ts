import { type CountedPage, choosePage, documentOf, MAX_PAGES, readPage, sumOf } from '../../src/core/counted-page';
import { MAX_HEAD_BYTES } from '../../src/storage/store';

const NOW = 1_800_000_000_000;
const DAY = 20_000;

function page(over: Partial<CountedPage> = {}): CountedPage {
  return { id: 'a', day: DAY, at: NOW, took: [], client: new Map(), upstream: new Map(), ...over };
}

test('a page is read as it was written', () => {
  const whole = page({
    took: ['b'],
    client: new Map([['user bob', { bytes: 5, requests: 2 }]]),
    upstream: new Map([['docker.io', { bytes: 9, requests: 1 }]]),
  });
  expect(readPage(JSON.parse(JSON.stringify(documentOf(whole))))).toEqual(whole);
});

test('a page has room for registries first, then for clients with most bytes', () => {
  const many = Array.from({ length: 5000 }, (_, index) => [`10.0.0.${index}`, { bytes: index, requests: 1 }] as const);
  const document = documentOf(
    page({ client: new Map(many), upstream: new Map([['docker.io', { bytes: 0, requests: 1 }]]) }),
  );
  expect(JSON.stringify(document).length).toBeLessThan(MAX_HEAD_BYTES);
  const read = readPage(document);
  expect(read?.upstream.size).toBe(1);
  expect(read?.client.size).toBeGreaterThan(1000);
  expect([...(read?.client.keys() ?? [])][0]).toBe('10.0.0.4999');
  expect(read?.client.has('10.0.0.0')).toBe(false);
});

test.each([
  ['nothing', undefined],
  ['something else', { digest: 'sha256:' }],
  ['a day that is none', { ...documentOf(page()), day: 'x' }],
  ['a time that is none', { ...documentOf(page()), at: -1 }],
])('%s is no page', (_, document) => {
  expect(readPage(document)).toBeUndefined();
});

test('processes that are none are left out of a page', () => {
  const document = { ...documentOf(page()), took: ['b', 7, { toString: 1 }] };
  expect(readPage(document)?.took).toEqual(['b']);
});

test('rows that are none are left out of a page', () => {
  const rows = [['a', 1, 2], ['b', -1, 2], ['c', 'x', 2], 'd', [5, 1, 1], ['e', 1]];
  expect([...(readPage({ ...documentOf(page()), client: rows })?.client ?? [])]).toEqual([
    ['a', { bytes: 1, requests: 2 }],
  ]);
});

test('pages are added up by name', () => {
  const one = page({ client: new Map([['x', { bytes: 1, requests: 2 }]]) });
  const sum = sumOf([one, one, page({ upstream: new Map([['x', { bytes: 7, requests: 0 }]]) })]);
  expect([...sum.client]).toEqual([['x', { bytes: 2, requests: 4 }]]);
  expect([...sum.upstream]).toEqual([['x', { bytes: 7, requests: 0 }]]);
});

describe('a process writes', () => {
  const choose = (pages: (CountedPage | undefined)[], chance = 0) =>
    choosePage(pages, { id: 'me', day: DAY, now: NOW, chance });
  const alive = page();

  test.each([
    ['on its own page', [alive, undefined, page({ id: 'me' })], 2],
    ['on its page of the day before', [undefined, page({ id: 'me', day: DAY - 1 })], 1],
    ['where nobody does', [alive, undefined], 1],
    ['where somebody did the day before', [alive, page({ day: DAY - 1 })], 1],
    ['where somebody has ended, if there is no other', [alive, page({ at: 0 })], 1],
    ['where somebody was silent for long', [alive, page({ at: NOW - 200_000 })], 1],
    ['where a clock was wrong', [alive, page({ at: NOW + 200_000 })], 1],
    ['nowhere, where all is taken', Array.from({ length: MAX_PAGES }, () => alive), undefined],
  ])('%s', (_, pages, slot) => {
    expect(choose(pages)).toBe(slot);
  });

  test('on any of those that are free', () => {
    expect([choose([undefined, undefined], 0), choose([undefined, undefined], 0.99)]).toEqual([0, 1]);
  });
});
