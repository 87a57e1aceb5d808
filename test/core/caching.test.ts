import { CacheMemory, OUTAGE_PAUSE, PROOF_LIFETIME } from '../../src/core/cache-memory';
import { linkName, publicName, tagName } from '../../src/core/cache-names';
import type { CacheDocument, FoundBlob, Serve } from '../../src/core/cache-verbs';
import { REVALIDATION_TIME } from '../../src/core/caching';
import { Exchange } from '../../src/core/exchange';
import { headerOf } from '../../src/core/headers';
import { Quotas } from '../../src/core/quota';
import { routeOf } from '../../src/core/route';
import type { Answer, Forward, Relay, RequestVerb, ResponseVerb } from '../../src/core/verbs';
import { configOf, DIGEST, type Fields, request, response } from './heads';

const RELAY = { REGISTRY_BACKEND: 'https://registry.example.com', CACHE: 'memory', CACHE_TAG_TTL: '60s' };
const PROXY = { ...RELAY, REGISTRIES: 'ghcr.io' };
const OTHER = `sha256:${'f'.repeat(64)}`;
const TYPE = 'application/vnd.oci.image.manifest.v1+json';
const BLOB = `/v2/team/app/blobs/${DIGEST}`;
const TAG = '/v2/team/app/manifests/v1';
const MANIFEST = `/v2/team/app/manifests/${DIGEST}`;
const ALICE = { authorization: 'Bearer alice' };
const NOW = 1_000_000_000_000;
const STORED: FoundBlob = { state: 'stored', size: 1000, written: 1000, isLinked: false };

interface Scene {
  readonly env?: Record<string, string>;
  readonly headers?: Fields;
  readonly now?: number;
  readonly memory?: CacheMemory;
  /** What is known: the tag's age in milliseconds, the link, whether the repository is public. */
  readonly tag?: { readonly age: number; readonly digest?: string };
  readonly link?: CacheDocument;
  readonly open?: boolean;
  readonly blob?: FoundBlob;
  readonly replies?: readonly (readonly [status: number, headers?: Fields] | 'reset')[];
}

/** Plays what store and upstream say to a request; the story, and the verb that ends it. */
function play(line: string, scene: Scene) {
  const { env = RELAY, now = NOW, memory = new CacheMemory(), tag, link, open, blob } = scene;
  const config = configOf(env);
  const route = routeOf(line.split(' ')[1], config);
  const documents: Record<string, CacheDocument | undefined> = {
    [tagName(route)]: tag && {
      variants: { [TYPE]: { digest: tag.digest ?? DIGEST, mediaType: TYPE, size: 1000, checkedAt: now - tag.age } },
    },
    [linkName(route, route.reference)]: link,
    [publicName(route)]: open ? { since: now } : undefined,
  };
  const shared = { realms: new Map(), tokens: new Map(), quotas: new Quotas(), cache: memory };
  const subject = new Exchange(config, shared, request(line, { accept: TYPE, ...scene.headers }));
  const story: string[] = [];
  const left = [...(scene.replies ?? [])];
  let verb: RequestVerb | ResponseVerb = subject.onRequest();
  let last: Forward | undefined;
  while (verb.verb === 'find' || verb.verb === 'forward') {
    if (verb.verb === 'find') {
      story.push(verb.blob ? (verb.blob.lead ? 'find or lead' : 'find') : 'look');
      verb = subject.onFound({ now, documents, blob: verb.blob && blob });
      continue;
    }
    last = verb;
    story.push(verb.method);
    const reply = left.shift();
    if (reply === undefined) throw new Error(`more is asked than expected: ${story.join(', ')}`);
    verb =
      reply === 'reset'
        ? subject.onFailure(last, { kind: 'reset', message: 'm' }, 100_000)
        : subject.onResponse(last, response(reply[0], reply[1]), 100_000);
  }
  expect(left).toEqual([]);
  const { headers } = verb as Serve | Relay | Answer;
  return { story, verb, last, status: (verb as Answer).status, said: headerOf(headers, 'cache-status')?.slice(16) };
}

const SAME = { 'docker-content-digest': DIGEST, 'content-type': TYPE, 'content-length': '1000' };
const NEW = { ...SAME, 'docker-content-digest': OTHER };

describe('a tag', () => {
  test.each<[string, string, Scene, string[], string, string]>([
    [
      'that is fresh is served',
      'GET',
      { env: PROXY, tag: { age: 10_000 }, blob: STORED },
      ['look', 'find'],
      'serve',
      'hit; ttl=50',
    ],
    [
      'that is fresh answers HEAD without its body',
      'HEAD',
      { env: PROXY, tag: { age: 10_000 } },
      ['look'],
      'serve',
      'hit; ttl=50',
    ],
    [
      'that nobody has asked for is fetched',
      'GET',
      { env: PROXY, replies: [[200, SAME]] },
      ['look', 'GET'],
      'relay',
      'fwd=uri-miss; fwd-status=200; stored',
    ],
    [
      'whose bytes are gone is fetched',
      'GET',
      { env: PROXY, tag: { age: 0 }, replies: [[200, SAME]] },
      ['look', 'find', 'GET'],
      'relay',
      'fwd=uri-miss; fwd-status=200; stored',
    ],
    [
      'whose time is up is asked for by HEAD',
      'GET',
      { env: PROXY, tag: { age: 60_000 }, blob: STORED, replies: [[200, SAME]] },
      ['look', 'find', 'HEAD'],
      'serve',
      'fwd=stale; fwd-status=200; detail=same-digest',
    ],
    [
      'from the future is asked for',
      'GET',
      { env: PROXY, tag: { age: -3_600_000 }, blob: STORED, replies: [[200, SAME]] },
      ['look', 'find', 'HEAD'],
      'serve',
      'fwd=stale; fwd-status=200; detail=same-digest',
    ],
    [
      'that has moved is fetched',
      'GET',
      {
        env: PROXY,
        tag: { age: 60_000 },
        blob: STORED,
        replies: [
          [200, NEW],
          [200, NEW],
        ],
      },
      ['look', 'find', 'HEAD', 'GET'],
      'relay',
      'fwd=uri-miss; fwd-status=200; stored',
    ],
    [
      'that has moved answers HEAD at once',
      'HEAD',
      { env: PROXY, tag: { age: 60_000 }, replies: [[200, NEW]] },
      ['look', 'HEAD'],
      'relay',
      'fwd=uri-miss; fwd-status=200',
    ],
    [
      'is asked for where the client wants to know',
      'GET',
      { env: PROXY, headers: { 'cache-control': 'no-cache' }, tag: { age: 0 }, blob: STORED, replies: [[200, SAME]] },
      ['look', 'find', 'HEAD'],
      'serve',
      'fwd=request; fwd-status=200; detail=same-digest',
    ],
    [
      'passes by with no-store',
      'GET',
      { env: PROXY, headers: { 'cache-control': 'no-store' }, replies: [[200, SAME]] },
      ['GET'],
      'relay',
      'fwd=bypass',
    ],
    [
      'of a registry that cannot be asked is what it was',
      'GET',
      { env: PROXY, tag: { age: 600_000 }, blob: STORED, replies: ['reset'] },
      ['look', 'find', 'HEAD'],
      'serve',
      'fwd=stale; detail=stale-if-error',
    ],
    [
      'of a registry that has no time is what it was',
      'GET',
      { env: PROXY, tag: { age: 600_000 }, blob: STORED, replies: [[429]] },
      ['look', 'find', 'HEAD'],
      'serve',
      'fwd=stale; fwd-status=429; detail=stale-if-error',
    ],
    [
      'that moved to what cannot be had is what it was',
      'GET',
      { env: PROXY, tag: { age: 600_000 }, blob: STORED, replies: [[200, NEW], [503]] },
      ['look', 'find', 'HEAD', 'GET'],
      'serve',
      'fwd=stale; fwd-status=503; detail=stale-if-error',
    ],
    [
      'is not what it was to whoever says no-cache',
      'GET',
      { env: PROXY, headers: { pragma: 'no-cache' }, tag: { age: 0 }, blob: STORED, replies: [[429], [429]] },
      ['look', 'find', 'HEAD', 'GET'],
      'relay',
      'fwd=request; fwd-status=429',
    ],
    [
      'is not what it was a week ago',
      'GET',
      { env: PROXY, tag: { age: 8 * 86_400_000 }, blob: STORED, replies: [[429], [429]] },
      ['look', 'find', 'HEAD', 'GET'],
      'relay',
      'fwd=uri-miss; fwd-status=429',
    ],
    [
      'that is gone is gone',
      'GET',
      { env: PROXY, tag: { age: 60_000 }, blob: STORED, replies: [[404], [404]] },
      ['look', 'find', 'HEAD', 'GET'],
      'relay',
      'fwd=uri-miss; fwd-status=404',
    ],
    [
      'that is gone stays where that is wished',
      'GET',
      { env: { ...PROXY, CACHE_STALE_MISSING: 'true' }, tag: { age: 60_000 }, blob: STORED, replies: [[404]] },
      ['look', 'find', 'HEAD'],
      'serve',
      'fwd=stale; fwd-status=404; detail=stale-if-error',
    ],
  ])('%s', (_, method, scene, story, end, said) => {
    const played = play(`${method} ${TAG}`, scene);
    expect([played.story, played.verb.verb, played.said]).toEqual([story, end, said]);
  });

  test('is waited for only a moment where there is something to serve', () => {
    const ready = play(`GET ${TAG}`, { env: PROXY, tag: { age: 60_000 }, blob: STORED, replies: [[200, SAME]] });
    const bare = play(`GET ${TAG}`, { env: PROXY, replies: [[200, SAME]] });
    expect([ready.last?.within, bare.last?.within]).toEqual([REVALIDATION_TIME, undefined]);
  });

  test('is not asked for again a moment after its registry could not be asked', () => {
    const memory = new CacheMemory();
    const scene = { env: PROXY, memory, tag: { age: 600_000 }, blob: STORED };
    play(`GET ${TAG}`, { ...scene, replies: ['reset'] });
    expect(play(`GET ${TAG}`, scene).story).toEqual(['look', 'find']);
    const later = play(`GET ${TAG}`, { ...scene, now: NOW + OUTAGE_PAUSE, replies: [[200, SAME]] });
    expect(later.story).toEqual(['look', 'find', 'HEAD']);
  });

  test('is another one for clients that take other kinds', () => {
    const played = play(`GET ${TAG}`, {
      env: PROXY,
      headers: { accept: 'text/plain' },
      tag: { age: 0 },
      blob: STORED,
      replies: [[200, SAME]],
    });
    expect(played.story).toEqual(['look', 'GET']);
  });
});

describe('a digest', () => {
  const there = { link: { mediaType: TYPE }, blob: STORED };
  test.each<[string, string, Scene, string[], string]>([
    ['is served by the proxy’s own right', `GET ${BLOB}`, { env: PROXY, ...there }, ['find or lead'], 'hit'],
    ['of a manifest is served', `GET ${MANIFEST}`, { env: PROXY, ...there }, ['find'], 'hit'],
    [
      'of a manifest of an unknown kind is asked for',
      `GET ${MANIFEST}`,
      { env: PROXY, blob: STORED, replies: [[200, SAME]] },
      ['find', 'HEAD'],
      'fwd=stale; fwd-status=200; detail=same-digest',
    ],
    [
      'of another repository is asked for in this one',
      `GET ${BLOB}`,
      { env: PROXY, blob: STORED, replies: [[200, SAME]] },
      ['find or lead', 'HEAD'],
      'fwd=stale; fwd-status=200; detail=same-digest',
    ],
    ['that is public is served to anybody', `GET ${BLOB}`, { ...there, open: true }, ['find or lead'], 'hit'],
    [
      'of a client’s own is asked for with its login',
      `GET ${BLOB}`,
      { ...there, headers: ALICE, replies: [[200, SAME]] },
      ['find or lead', 'HEAD'],
      'fwd=stale; fwd-status=200; detail=same-digest',
    ],
    [
      'that is coming is followed',
      `GET ${BLOB}`,
      { env: PROXY, blob: { state: 'coming', size: 9, written: 1, isLinked: true } },
      ['find or lead'],
      'fwd=uri-miss; collapsed',
    ],
    [
      'that is coming for another repository is asked for',
      `GET ${BLOB}`,
      { env: PROXY, blob: { state: 'coming', size: 1000, written: 1, isLinked: false }, replies: [[200, SAME]] },
      ['find or lead', 'HEAD'],
      'fwd=stale; fwd-status=200; detail=same-digest',
    ],
    [
      'that is coming for another repository, and has another size there, is fetched from here',
      `GET ${BLOB}`,
      {
        env: PROXY,
        blob: { state: 'coming', size: 9, written: 1, isLinked: false },
        replies: [
          [200, SAME],
          [200, SAME],
        ],
      },
      ['find or lead', 'HEAD', 'GET'],
      'fwd=uri-miss; fwd-status=200; stored',
    ],
    [
      'is waited for where a range is near',
      `GET ${BLOB}`,
      { env: PROXY, headers: { range: 'bytes=5-' }, blob: { state: 'coming', size: 9, written: 1, isLinked: true } },
      ['find'],
      'fwd=uri-miss; collapsed',
    ],
    [
      'is asked for where a range is far',
      `GET ${BLOB}`,
      {
        env: PROXY,
        headers: { range: 'bytes=9000000-' },
        blob: { state: 'coming', size: 1e7, written: 1, isLinked: true },
        replies: [[206, {}]],
      },
      ['find', 'GET'],
      'fwd=uri-miss; fwd-status=206',
    ],
  ])('%s', (_, line, scene, story, said) => {
    const played = play(line, scene);
    expect([played.story, played.said]).toEqual([story, said]);
  });

  test.each([401, 403, 404])('is not shown to a client whom the registry answers %d', (status) => {
    const played = play(`GET ${BLOB}`, { ...there, headers: ALICE, replies: [[status], [status]] });
    expect([played.story, played.verb.verb, played.status]).toEqual([['find or lead', 'HEAD', 'GET'], 'relay', status]);
  });

  test('is shown for a minute to whom the registry has shown the repository, and to nobody else', () => {
    const memory = new CacheMemory();
    const scene = { ...there, memory, headers: ALICE };
    play(`GET ${BLOB}`, { ...scene, replies: [[200, SAME]] });
    expect(play(`GET ${BLOB}`, scene).story).toEqual(['find or lead']);
    const bob = { ...scene, headers: { authorization: 'Bearer bob' }, replies: [[401], [401]] } as const;
    expect(play(`GET ${BLOB}`, bob).status).toBe(401);
    const elsewhere = play(`GET ${BLOB.replace('team', 'other')}`, { ...scene, replies: [[401], [401]] });
    expect(elsewhere.status).toBe(401);
    const late = play(`GET ${BLOB}`, { ...scene, now: NOW + PROOF_LIFETIME, replies: [[403], [403]] });
    expect(late.status).toBe(403);
  });

  test('is shown each time anew to a login of a length that no registry gives', () => {
    const headers = { authorization: `Bearer ${'a'.repeat(10_000)}` };
    const scene = { ...there, memory: new CacheMemory(), headers, replies: [[200, SAME]] } as const;
    play(`GET ${BLOB}`, scene);
    expect(play(`GET ${BLOB}`, scene).story).toEqual(['find or lead', 'HEAD']);
  });

  test('is kept with its link, and a manifest with its kind', () => {
    const blob = play(`GET ${BLOB}`, { env: PROXY, replies: [[200, { 'content-length': '9' }]] }).verb as Relay;
    expect(blob.keep).toMatchObject({ kind: 'blob', digest: DIGEST, size: 9, notes: [{ document: {} }] });
    const manifest = play(`GET ${MANIFEST}`, { env: PROXY, replies: [[200, SAME]] }).verb as Relay;
    expect(manifest.keep).toMatchObject({ kind: 'manifest', digest: DIGEST });
  });

  test('a blob over CACHE_MAX_BLOB is passed on, and not kept', () => {
    const [fits, not] = ['9', '10'].map((length) => {
      const env = { ...PROXY, CACHE_MAX_BLOB: '9' };
      return play(`GET ${BLOB}`, { env, replies: [[200, { 'content-length': length }]] });
    });
    expect((fits.verb as Relay).keep).toMatchObject({ size: 9 });
    expect(not.verb).toMatchObject({ verb: 'relay', status: 200, body: 'stream', keep: undefined });
    expect(headerOf((not.verb as Relay).headers, 'cache-status')).not.toContain('stored');
  });

  test.each<[string, string, Fields]>([
    ['without a length', BLOB, {}],
    ['that is encoded', BLOB, { 'content-length': '9', 'content-encoding': 'gzip' }],
    ['of schema 1', TAG, { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' }],
    ['that is too long', TAG, { 'content-type': TYPE, 'content-length': '4194305' }],
  ])('%s is not kept', (_, path, headers) => {
    expect((play(`GET ${path}`, { env: PROXY, replies: [[200, headers]] }).verb as Relay).keep).toBeUndefined();
  });
});

describe('while a registry cannot be asked', () => {
  test.each<[string, string, Fields, number]>([
    ['a ping without a login asks for a token', '/v2/', {}, 401],
    ['a ping with a login fails', '/v2/', ALICE, 502],
  ])('%s', (_, path, headers, status) => {
    expect(play(`GET ${path}`, { headers, replies: ['reset'] }).status).toBe(status);
  });

  test('our token endpoint gives nobody’s token to nobody, and none to a login', () => {
    const anonymous = play('GET /token?scope=repository:team/app:pull', { replies: ['reset'] });
    expect([anonymous.status, JSON.parse((anonymous.verb as Answer).body ?? '').token]).toEqual([
      200,
      'registry-proxy-anonymous',
    ]);
    const login = play('GET /token?scope=repository:team/app:pull', {
      headers: { authorization: 'Basic eDp5' },
      replies: ['reset'],
    });
    expect(login.status).toBe(502);
    const none = play('GET /token', { env: { REGISTRY_BACKEND: RELAY.REGISTRY_BACKEND }, replies: ['reset'] });
    expect(none.status).toBe(502);
  });

  test('that token goes nowhere', () => {
    const own = { authorization: 'Bearer registry-proxy-anonymous' };
    const played = play(`GET ${BLOB}`, { headers: own, replies: [[401]] });
    expect(headerOf(played.last?.headers ?? [], 'authorization')).toBeUndefined();
  });
});

describe('an absence', () => {
  const memory = () => {
    const filled = new CacheMemory();
    play(`GET ${TAG}`, { env: PROXY, memory: filled, replies: [[404]] });
    return filled;
  };

  test('holds for a moment, with its answer', () => {
    const known = memory();
    const again = play(`GET ${TAG}`, { env: PROXY, memory: known });
    expect([again.story, again.status, again.said]).toEqual([['look'], 404, 'hit']);
    const later = play(`GET ${TAG}`, { env: PROXY, memory: known, now: NOW + 10_000, replies: [[404]] });
    expect(later.story).toEqual(['look', 'GET']);
  });

  test('ends with a push, and with no-cache', () => {
    const known = memory();
    const asked = play(`GET ${TAG}`, {
      env: PROXY,
      memory: known,
      headers: { 'cache-control': 'no-cache' },
      replies: [[404]],
    });
    expect(asked.story).toEqual(['look', 'GET']);
  });

  test('is not remembered by a login of a length that no registry gives', () => {
    const known = new CacheMemory();
    const headers = { authorization: `Bearer ${'a'.repeat(10_000)}` };
    play(`GET ${TAG}`, { memory: known, headers, replies: [[404]] });
    expect(play(`GET ${TAG}`, { memory: known, headers, replies: [[404]] }).story).toEqual(['look', 'GET']);
  });

  test('is one client’s where clients bring their logins', () => {
    const known = new CacheMemory();
    play(`GET ${TAG}`, { memory: known, headers: ALICE, replies: [[404]] });
    expect(play(`GET ${TAG}`, { memory: known, replies: [[404]] }).story).toEqual(['look', 'GET']);
  });
});
