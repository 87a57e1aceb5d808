import { CacheMemory } from '../../src/core/cache-memory';
import type { Copied, FoundBlob, Serve } from '../../src/core/cache-verbs';
import { readConfig } from '../../src/core/config';
import { ConfigError } from '../../src/core/config-error';
import { ATTEMPT, MAX_ATTEMPTS } from '../../src/core/copying';
import { OFFLOAD_ABOVE, type Way, wayOf } from '../../src/core/delivery';
import { Exchange } from '../../src/core/exchange';
import { headerOf } from '../../src/core/headers';
import type { Place } from '../../src/core/location';
import { Quotas } from '../../src/core/quota';
import { routeOf } from '../../src/core/route';
import type { Answer, Forward, Relay, RequestVerb, ResponseVerb } from '../../src/core/verbs';
import { MAX_HOT_ENTRY } from '../../src/shell/hot';
import { configOf, DIGEST, type Fields, request, response } from './heads';

const MIB = 1024 * 1024;
const REGISTRY = { REGISTRY_BACKEND: 'https://registry.example.com', PUBLIC_URL: 'https://r.example.net' };
const SCF = { ...REGISTRY, PLATFORM: 'tencent-scf' };
const LAMBDA = { ...REGISTRY, PLATFORM: 'aws-lambda' };
const BUCKET = {
  CACHE: 's3://bucket?endpoint=https://s3.example.org',
  CACHE_ACCESS_KEY: 'id',
  CACHE_SECRET_KEY: 'k'.repeat(20),
};
const BLOB = `/v2/team/app/blobs/${DIGEST}`;
const CDN = 'https://cdn.example.org/blob?sig=a%2Fb';

function placeOf(env: Record<string, string>): Place {
  const config = configOf(env);
  return { config, route: routeOf(BLOB, config), origin: { scheme: 'https', hostname: 'r.example.net', port: 443 } };
}

describe('the way of a body', () => {
  test.each<[string, Record<string, string>, number, string, Way]>([
    ['on a machine of its own', REGISTRY, 1e12, 'elsewhere keepable', 'stream'],
    ['that is small, on SCF', SCF, 6 * MIB, 'elsewhere keepable', 'stream'],
    ['that is large, on SCF', SCF, 6 * MIB + 1, 'elsewhere', 'hand-over'],
    ['that the registry itself sends', SCF, 6 * MIB + 1, '', 'none'],
    ['that the registry itself sends, with a bucket', { ...SCF, ...BUCKET }, 6 * MIB + 1, 'keepable', 'offload'],
    ['that may not be kept, with a bucket', { ...SCF, ...BUCKET }, 6 * MIB + 1, '', 'none'],
    [
      'that clients can fetch elsewhere, with a bucket',
      { ...SCF, ...BUCKET },
      9 * MIB,
      'elsewhere keepable',
      'hand-over',
    ],
    [
      'that clients cannot fetch elsewhere, with a bucket',
      { ...SCF, ...BUCKET, HANDLE_REDIRECT: 'true' },
      9 * MIB,
      'elsewhere keepable',
      'offload',
    ],
    [
      'that they cannot fetch, without a bucket',
      { ...SCF, HANDLE_REDIRECT: 'true' },
      9 * MIB,
      'elsewhere',
      'hand-over',
    ],
    ['in memory alone, on SCF', { ...SCF, CACHE: 'memory' }, 9 * MIB, 'keepable', 'none'],
    ['that Lambda sends slowly', LAMBDA, 7 * MIB, '', 'stream'],
    ['that Lambda sends slowly, and clients can fetch elsewhere', LAMBDA, 7 * MIB, 'elsewhere', 'hand-over'],
    [
      'that Lambda sends slowly, and clients cannot fetch elsewhere',
      { ...LAMBDA, HANDLE_REDIRECT: 'true' },
      7 * MIB,
      'elsewhere',
      'stream',
    ],
    ['that Lambda sends slowly, with a bucket', { ...LAMBDA, ...BUCKET }, 7 * MIB, 'keepable', 'offload'],
    ['that Lambda does not send', LAMBDA, 201 * MIB, '', 'none'],
    ['that is told to be streamed', { ...SCF, DELIVERY: 'stream' }, 9 * MIB, 'elsewhere keepable', 'stream'],
    [
      'that is told to be offloaded',
      { ...REGISTRY, ...BUCKET, DELIVERY: 'offload' },
      OFFLOAD_ABOVE + 1,
      'keepable',
      'offload',
    ],
    ['that is not worth it', { ...REGISTRY, ...BUCKET, DELIVERY: 'offload' }, OFFLOAD_ABOVE, 'keepable', 'stream'],
    ['that cannot be offloaded', { ...REGISTRY, ...BUCKET, DELIVERY: 'offload' }, 9 * MIB, '', 'stream'],
    ['that the registry did not redirect', { ...SCF, DELIVERY: 'redirect' }, 9 * MIB, '', 'none'],
    ['over a limit of its own', { ...REGISTRY, MAX_RESPONSE: '1m' }, MIB + 1, 'elsewhere', 'hand-over'],
    ['of another registry', { ...SCF, DELIVERY: 'ghcr.io=stream' }, 9 * MIB, 'elsewhere', 'hand-over'],
  ])('%s', (_, env, size, traits, expected) => {
    const load = { size, isElsewhere: traits.includes('elsewhere'), isKeepable: traits.includes('keepable') };
    expect(wayOf(load, placeOf(env))).toBe(expected);
  });

  test('a body whose length nobody says is streamed', () => {
    expect(wayOf({ size: undefined, isElsewhere: true, isKeepable: true }, placeOf(SCF))).toBe('stream');
  });

  test('what is not worth a redirect is what no URL is signed for', () => {
    expect(OFFLOAD_ABOVE).toBe(MAX_HOT_ENTRY);
  });
});

/** What upstream answers; a blob of so many bytes, from there or behind a redirect. */
interface Scene {
  readonly env: Record<string, string>;
  readonly line?: string;
  readonly headers?: Fields;
  readonly blob?: FoundBlob;
  readonly replies: readonly (readonly [status: number, headers?: Fields])[];
  readonly copied?: readonly Copied[];
  /** What is to be served is not there. */
  readonly isGone?: boolean;
}

function play({ env, line = `GET ${BLOB}`, headers, blob, replies, copied = [], isGone = false }: Scene) {
  const config = configOf(env);
  const memory = { realms: new Map(), tokens: new Map(), quotas: new Quotas(), cache: new CacheMemory() };
  const subject = new Exchange(config, memory, request(line, headers));
  const [left, outcomes] = [[...replies], [...copied]];
  const story: string[] = [];
  const sent: Forward[] = [];
  let verb: RequestVerb | ResponseVerb = subject.onRequest();
  for (;;) {
    if (verb.verb === 'find') verb = subject.onFound({ now: 1e12, documents: {}, blob: verb.blob && blob });
    else if (verb.verb === 'forward') {
      const last: Forward = verb;
      sent.push(last);
      story.push(`${last.method} ${last.url.hostname}`);
      const reply = left.shift();
      if (!reply) throw new Error(`more is asked than expected: ${story.join(', ')}`);
      verb = subject.onResponse(last, response(reply[0], reply[1]), 0);
    } else if (verb.verb === 'relay' && verb.offload) {
      story.push('copy');
      verb = verb.offload;
    } else if (verb.verb === 'await') {
      story.push(`await ${verb.within}`);
      verb = subject.onAwaited(outcomes.shift() as Copied);
    } else if (verb.verb === 'serve' && isGone) verb = subject.onGone();
    else break;
  }
  expect([left, outcomes]).toEqual([[], []]);
  const { headers: fields, status } = verb as Serve | Relay | Answer;
  return { story, verb, sent, status, location: headerOf(fields, 'location') };
}

const AWAY = [307, { location: CDN }] as const;
const LARGE = [200, { 'content-length': String(9 * MIB) }] as const;
const SMALL = [200, { 'content-length': '1000' }] as const;

describe('a blob', () => {
  test("goes by the registry's own URL, untouched, where clients are led there", () => {
    const inside = { location: 'https://registry.example.com/storage/blob?sig=1' };
    const asked = play({ env: SCF, replies: [[307, inside]] });
    expect([asked.status, asked.location]).toEqual([307, inside.location]);
    const told = play({ env: { ...REGISTRY, DELIVERY: 'redirect', HANDLE_REDIRECT: 'true' }, replies: [AWAY] });
    expect([told.story, told.status, told.location]).toEqual([['GET registry.example.com'], 307, CDN]);
    // Elsewhere, it is rewritten to one of ours.
    const streamed = play({ env: REGISTRY, replies: [[307, inside]] });
    expect(streamed.location).toBe('https://r.example.net/storage/blob?sig=1');
  });

  test('is looked at before it is handed over: what is small is sent, and kept', () => {
    const env = { ...SCF, CACHE: 'memory' };
    expect(play({ env, replies: [AWAY, SMALL] }).verb).toMatchObject({ verb: 'relay', keep: { size: 1000 } });
    const large = play({ env, replies: [AWAY, LARGE] });
    expect([large.status, large.location]).toEqual([307, CDN]);
    expect(headerOf((large.verb as Answer).headers, 'cache-control')).toBe('no-store');
    expect(headerOf((large.verb as Answer).headers, 'docker-content-digest')).toBe(DIGEST);
  });

  test('behind a URL that takes a credential is not handed over', () => {
    const moved = { location: 'https://registry.example.com/v2/other/app/blobs/x' };
    const asked = play({
      env: { ...SCF, HANDLE_REDIRECT: 'true' },
      headers: { authorization: 'Bearer t' },
      replies: [[307, moved], LARGE],
    });
    expect(asked.status).toBe(501);
  });

  test('that is too large for every way is answered with what to set', () => {
    const { status, verb } = play({ env: SCF, replies: [LARGE] });
    const { errors } = JSON.parse((verb as Answer).body as string);
    expect([status, errors[0].code]).toEqual([501, 'UNSUPPORTED']);
    expect(errors[0].message).toContain(`${9 * MIB} bytes`);
    expect(errors[0].detail.hint).toContain('CACHE=s3://');
  });

  test('whose URL is longer than the platform lets pass goes another way', () => {
    const long = { location: `${CDN}&token=${'t'.repeat(3600)}` };
    const asked = play({ env: SCF, replies: [[307, long], LARGE] });
    expect(asked.status).toBe(501);
    const copied = play({ env: { ...SCF, ...BUCKET }, replies: [[307, long], LARGE], copied: ['stored'] });
    expect(copied.verb).toMatchObject({ verb: 'serve', redirect: 600_000 });
    const short = { location: `${CDN}&token=${'t'.repeat(3000)}` };
    expect(play({ env: SCF, replies: [[307, short]] }).location).toBe(short.location);
  });

  test('of which a small part is asked for is sent, however large it is', () => {
    const part = [206, { 'content-length': '1000', 'content-range': `bytes 0-999/${9 * MIB}` }] as const;
    const asked = play({ env: { ...SCF, ...BUCKET }, headers: { range: 'bytes=0-999' }, replies: [part] });
    expect(asked.verb).toMatchObject({ verb: 'relay', status: 206 });
  });

  test('outside /v2/ has no other way', () => {
    expect(play({ env: SCF, line: 'GET /storage/blob', replies: [LARGE] }).status).toBe(501);
    expect(play({ env: SCF, line: 'GET /storage/blob', replies: [SMALL] }).status).toBe(200);
  });
});

describe('a blob that is offloaded', () => {
  const env = { ...SCF, ...BUCKET };

  test('is copied, waited for, and fetched from the bucket', () => {
    const { story, verb } = play({ env, replies: [LARGE], copied: ['stored'] });
    expect(story).toEqual(['GET registry.example.com', 'copy', 'await 25000']);
    expect(verb).toMatchObject({ verb: 'serve', digest: DIGEST, size: 9 * MIB, redirect: 600_000, outcome: 'miss' });
  });

  test('is waited for where somebody copies it already', () => {
    const blob: FoundBlob = { state: 'coming', size: 9 * MIB, written: 5, isLinked: true };
    const { story, verb } = play({
      env: { ...env, REGISTRIES: 'ghcr.io' },
      blob,
      replies: [],
      copied: ['stored'],
    });
    expect(story).toEqual(['await 25000']);
    expect(verb).toMatchObject({ verb: 'serve', redirect: 600_000 });
  });

  test('is sent from where it is being copied where that is told, or where it is small', () => {
    const blob: FoundBlob = { state: 'coming', size: 1000, written: 5, isLinked: true };
    const proxied = { ...env, REGISTRIES: 'ghcr.io' };
    expect(play({ env: proxied, blob, replies: [] }).verb).toMatchObject({ verb: 'serve', outcome: 'joined' });
    const large = { ...blob, size: 9 * MIB };
    const streamed = play({ env: { ...proxied, DELIVERY: 'stream' }, blob: large, replies: [] });
    expect(streamed.verb).toMatchObject({ verb: 'serve', outcome: 'joined' });
    expect((streamed.verb as Serve).redirect).toBeUndefined();
  });

  test('of which a large part is asked for is asked for whole', () => {
    const part = [
      206,
      { 'content-length': String(8 * MIB), 'content-range': `bytes ${MIB}-${9 * MIB - 1}/${9 * MIB}` },
    ];
    const { story, sent, verb } = play({
      env,
      headers: { range: `bytes=${MIB}-` },
      replies: [part as [number, Fields], LARGE],
      copied: ['stored'],
    });
    expect(story).toEqual(['GET registry.example.com', 'GET registry.example.com', 'copy', 'await 25000']);
    expect(sent.map((each) => headerOf(each.headers, 'range'))).toEqual([`bytes=${MIB}-`, undefined]);
    expect(verb).toMatchObject({ verb: 'serve', range: { first: MIB, last: 9 * MIB - 1 }, redirect: 600_000 });
  });

  test('sends its client back to the same URL while it is not there', () => {
    const again = play({ env, replies: [LARGE], copied: ['coming'] });
    expect([again.status, again.location]).toEqual([307, `https://r.example.net${BLOB}?${ATTEMPT}=1`]);
    const line = `GET ${BLOB}?ns=registry.example.com&${ATTEMPT}=3`;
    const named = play({ env, line, replies: [LARGE], copied: ['coming'] });
    expect(named.sent[0].url.query).toBe('');
    expect(named.location).toBe(`https://r.example.net${BLOB}?${ATTEMPT}=4&ns=registry.example.com`);
  });

  test('ends after so many times, with when to ask again', () => {
    const line = `GET ${BLOB}?${ATTEMPT}=${MAX_ATTEMPTS}`;
    const { status, verb } = play({ env, line, replies: [LARGE], copied: ['coming'] });
    expect(status).toBe(503);
    expect(headerOf((verb as Answer).headers, 'retry-after')).toBe('10');
  });

  test('that cannot be copied is tried once more, and then goes another way', () => {
    const failing = play({ env, replies: [LARGE, LARGE, LARGE], copied: ['failed', 'failed'] });
    expect(failing.status).toBe(501);
    const elsewhere = play({
      env: { ...env, HANDLE_REDIRECT: 'true' },
      replies: [AWAY, LARGE, AWAY, LARGE, AWAY, LARGE],
      copied: ['failed', 'failed'],
    });
    expect([elsewhere.status, elsewhere.location]).toEqual([307, CDN]);
    const healed = play({ env, replies: [LARGE, LARGE], copied: ['failed', 'stored'] });
    expect(healed.verb).toMatchObject({ verb: 'serve', redirect: 600_000 });
  });

  test('that is said to be in the bucket, and is found to be gone, is not fetched for ever', () => {
    const { story, status } = play({
      env,
      replies: [LARGE, LARGE, LARGE],
      copied: ['stored', 'stored'],
      isGone: true,
    });
    expect(story.filter((step) => step === 'copy')).toHaveLength(2);
    expect(status).toBe(501);
  });

  test('is not copied where it is too large to be kept', () => {
    expect(play({ env: { ...env, CACHE_MAX_BLOB: '8m' }, replies: [LARGE] }).status).toBe(501);
  });
});

describe('a blob that is kept', () => {
  const stored: FoundBlob = { state: 'stored', size: 9 * MIB, written: 9 * MIB, isLinked: true };
  const proxied = { REGISTRIES: 'ghcr.io' };
  const serve = (env: Record<string, string>, headers?: Fields) =>
    play({ env: { ...env, ...proxied }, headers, blob: stored, replies: [] }).verb as Serve;

  test('is fetched from the bucket where it is too large to be sent', () => {
    expect(serve({ ...SCF, ...BUCKET }).redirect).toBe(600_000);
    expect(serve({ ...SCF, ...BUCKET, CACHE_REDIRECT: '5m' }).redirect).toBe(300_000);
    expect(serve({ ...SCF, ...BUCKET }, { range: 'bytes=0-99' }).redirect).toBeUndefined();
  });

  test('is sent from here on a machine of its own, unless something is said', () => {
    expect(serve({ ...REGISTRY, ...BUCKET }).redirect).toBeUndefined();
    expect(serve({ ...REGISTRY, ...BUCKET, DELIVERY: 'offload' }).redirect).toBe(600_000);
    expect(serve({ ...REGISTRY, ...BUCKET, DELIVERY: 'stream', CACHE_REDIRECT: '5m' }).redirect).toBeUndefined();
  });

  test('is as if it were not there where it can neither be sent nor fetched elsewhere', () => {
    const { story } = play({ env: { ...SCF, ...proxied, CACHE: 'memory' }, blob: stored, replies: [AWAY, LARGE] });
    expect(story).toEqual(['GET registry.example.com', 'GET cdn.example.org']);
  });
});

test.each([
  [{ DELIVERY: 'offload' }, 'set CACHE=s3://'],
  [{ DELIVERY: 'offload', CACHE: 'memory' }, 'set CACHE=s3://'],
  [{ DELIVERY: 'offload', PLATFORM: 'cloudflare-workers' }, 'has no signed URLs'],
  [{ REGISTRIES: '{"ghcr.io":{"delivery":"offload"}}' }, 'DELIVERY=offload for ghcr.io'],
])('%j is a fault', (env, message) => {
  const read = () => readConfig({ ...REGISTRY, ...env });
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(message);
});

test('DELIVERY is of one registry by any of its names, and an entry of REGISTRIES says more', () => {
  const { upstreams } = configOf({
    REGISTRY_BACKEND: 'https://registry-1.docker.io',
    REGISTRIES: '{"ghcr.io":{"delivery":"stream"},"quay.io":{}}',
    DELIVERY: 'redirect,index.docker.io=stream,ghcr.io=auto',
  });
  expect(upstreams.map(({ name, delivery }) => [name, delivery])).toEqual([
    ['docker.io', 'stream'],
    ['ghcr.io', 'stream'],
    ['quay.io', 'redirect'],
  ]);
});
