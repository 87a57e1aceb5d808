import { CacheMemory } from '../../src/core/cache-memory';
import { isCacheable } from '../../src/core/cache-question';
import type { Find, Note, Serve } from '../../src/core/cache-verbs';
import { Caching } from '../../src/core/caching';
import { Conversation } from '../../src/core/conversation';
import { registryForward } from '../../src/core/forwards';
import { uncached } from '../../src/core/uncached';
import type { Forward, Relay } from '../../src/core/verbs';
import { createMemory } from '../../src/shell/token-store';
import { DIGEST, type Fields, place, request, response } from './heads';

const ENV = { REGISTRY_BACKEND: 'https://registry.example.com', CACHE: 'memory', CACHE_TAG_TTL: '1h' };
const TAG = '/v2/team/app/manifests/v1';
const TYPE = 'application/vnd.oci.image.index.v1+json';

/** One request, from its beginning. */
function asking(line: string, memory: CacheMemory, headers: Fields = {}) {
  const where = place(line.split(' ')[1] as string, ENV);
  const head = request(line, headers);
  const ask = (asked: typeof head) => new Conversation(where, createMemory()).ask(registryForward(asked, where.route));
  return { caching: new Caching(where, head, memory, ask), where, head };
}

const relay = (status: number): Relay => ({ verb: 'relay', status, headers: [], body: 'stream' });
const manifest = response(200, { 'content-type': TYPE, 'docker-content-digest': DIGEST });

/** The notes of a GET of the tag to which the registry answers this. */
function notesOf(caching: Caching, status: number, sent: Forward): readonly Note[] {
  const verb = caching.onRelay(relay(status), sent, status === 200 ? manifest : response(status)) as Relay;
  if (verb.keep?.kind === 'manifest') return verb.keep.notes(DIGEST, 10);
  return verb.notes ?? [];
}

describe('an answer that was under way when something was pushed', () => {
  const push = (memory: CacheMemory) => {
    const { route } = place(TAG, ENV);
    uncached(relay(201), request(`PUT ${TAG}`), route, memory);
  };

  test.each([
    [false, ['manifest', 'tag']],
    [true, ['manifest']],
  ])('says nothing about the tag (pushed: %p)', (isPushed, kinds) => {
    const memory = new CacheMemory();
    const { caching } = asking(`GET ${TAG}`, memory, { authorization: 'Bearer x' });
    caching.begin();
    const sent = caching.onFound({ now: 5000, documents: {} }) as Forward;
    if (isPushed) push(memory);
    expect(notesOf(caching, 200, sent).map(({ name }) => name.split(' ')[0])).toEqual(kinds);
  });

  test('does not make it absent', () => {
    const memory = new CacheMemory();
    const first = asking(`GET ${TAG}`, memory);
    first.caching.begin();
    const sent = first.caching.onFound({ now: 5000, documents: {} }) as Forward;
    push(memory);
    notesOf(first.caching, 404, sent);
    const second = asking(`GET ${TAG}`, memory);
    second.caching.begin();
    expect(second.caching.onFound({ now: 5001, documents: {} }).verb).toBe('forward');
  });
});

describe('a repository that everybody may pull', () => {
  const now = 10 * 3_600_000;
  const kinds = [TAG, `/v2/team/app/manifests/${DIGEST}`, `/v2/team/app/blobs/${DIGEST}`];

  test.each(kinds)('is asked about again after an hour, whatever is pulled (%s)', (path) => {
    for (const [since, isAsked] of [
      [now - 60_000, false],
      [now - 7_200_000, true],
      // A clock that was set back.
      [now + 7_200_000, true],
    ] as const) {
      const { caching } = asking(`GET ${path}`, new CacheMemory());
      const find = caching.begin() as Find;
      const open = find.documents.find((name) => name.startsWith('public ')) as string;
      caching.onFound({ now, documents: { [open]: { since } } });
      expect(caching.probe(createMemory()) !== undefined).toBe(isAsked);
    }
  });
});

test('a blob that is being fetched is nowhere else yet', () => {
  const path = `/v2/team/app/blobs/${DIGEST}`;
  const env = { ...ENV, CACHE: 's3://images?region=eu-central-1', CACHE_REDIRECT: '10m' };
  for (const [state, redirect] of [
    ['stored', 600_000],
    ['coming', undefined],
  ] as const) {
    const where = place(path, { ...env, CACHE_ACCESS_KEY: 'id', CACHE_SECRET_KEY: DIGEST });
    const head = request(`GET ${path}`);
    const ask = (asked: typeof head) =>
      new Conversation(where, createMemory()).ask(registryForward(asked, where.route));
    const caching = new Caching(where, head, new CacheMemory(), ask);
    caching.begin();
    const blob = { state, size: 1000, written: 500, isLinked: false };
    const sent = caching.onFound({ now: 1, documents: {}, blob }) as Forward;
    const served = caching.onRelay({ ...relay(200), body: 'none' }, sent, response(206)) as Serve;
    expect([served.verb, served.redirect, served.size]).toEqual(['serve', redirect, 1000]);
  }
});

test('an Accept that no client has is not answered from a cache', () => {
  const { route } = place(TAG, ENV);
  const accept = (count: number) => Array.from({ length: count }, (_, n) => `application/x-${n}`).join(',');
  expect(isCacheable(request(`GET ${TAG}`, { accept: accept(20) }), route)).toBe(true);
  expect(isCacheable(request(`GET ${TAG}`, { accept: accept(500) }), route)).toBe(false);
});
