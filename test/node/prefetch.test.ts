import { randomBytes, randomUUID } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { type ImageName, parseImageName } from '../../src/core/image-name';
import type { ImagePlatforms } from '../../src/core/image-platform';
import { parseUrl, type Url } from '../../src/core/url';
import { type ImageResult, type PrefetchOptions, prefetch } from '../../src/node/prefetch';
import { runtimes } from '../runtimes';
import { startS3 } from '../storage/s3-server';
import { basic } from '../upstream/client';
import { contentOf, descriptor, INDEX_TYPE, makeImage, payload } from '../upstream/image';
import type { Registry } from '../upstream/registry';
import { smallImage, stageFor, USERS, until } from '../upstream/scene';

const stage = stageFor(runtimes[0]);
afterEach(async () => expect(await stage.close()).toEqual([]));

const AMD64: ImagePlatforms = [{ os: 'linux', architecture: 'amd64' }];

function image(text: string): ImageName {
  const found = parseImageName(text);
  if (!found) throw new Error(`${text} is no image`);
  return found;
}

/** Pulls one image, or several, through what listens there. */
function pullAll(base: string, names: string[], more: Partial<PrefetchOptions> = {}): Promise<readonly ImageResult[]> {
  const url = parseUrl(base) as Url;
  return prefetch({
    base: { url: { ...url, path: '' } },
    images: names.map(image),
    platforms: AMD64,
    signal: new AbortController().signal,
    ...more,
  });
}

async function pull(base: string, name: string, more: Partial<PrefetchOptions> = {}): Promise<ImageResult> {
  const [result] = await pullAll(base, [name], more);
  return result;
}

const json = (type: string, value: object) => contentOf(type, Buffer.from(JSON.stringify(value)));
const asked = ({ requests }: Registry) => requests.map(({ method, path }) => `${method} ${path}`);
const sizeOf = ({ manifest, config, layers }: ReturnType<typeof makeImage>) =>
  [manifest, config, ...layers].reduce((sum, { bytes }) => sum + bytes.length, 0);

describe('an image', () => {
  test.each(['oci', 'docker'] as const)('of %s is read whole', async (kind) => {
    const registry = await stage.registry();
    const made = makeImage([70_000, 3000, 0], kind);
    registry.add('team/app', 'v1', made);
    expect(await pull(registry.url, 'team/app:v1')).toEqual({
      image: 'team/app:v1',
      digest: made.manifest.digest,
      fetched: sizeOf(made),
      present: 0,
      errors: [],
      isCached: false,
    });
    const blobs = [made.config, ...made.layers].map(({ digest }) => `GET /v2/team/app/blobs/${digest}`);
    expect(asked(registry)).toEqual(expect.arrayContaining(['GET /v2/team/app/manifests/v1', ...blobs]));
    expect(registry.requests[0].header('cache-control')).toBe('no-cache');
    expect(registry.requests[0].header('accept')).toMatch(
      /docker\.distribution\.manifest\.list\.v2.*oci\.image\.index/,
    );
  });

  test('may be named by its digest', async () => {
    const registry = await stage.registry();
    const { manifest } = smallImage(registry);
    expect(await pull(registry.url, `team/app@${manifest.digest}`)).toMatchObject({
      errors: [],
      digest: manifest.digest,
    });
  });

  test('of another registry is asked for by ns', async () => {
    const registry = await stage.registry({ expectsNs: true });
    smallImage(registry, 'library/nginx', '1');
    expect((await pull(registry.url, 'docker.io/nginx:1')).errors).toEqual([]);
    expect(new Set(registry.requests.map(({ query }) => query.get('ns')))).toEqual(new Set(['docker.io']));
  });

  test('shares layers with another one, which are read once', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    smallImage(registry, 'team/app', 'v2');
    const results = await pullAll(registry.url, ['team/app:v1', 'team/app:v2']);
    expect(results.map(({ errors }) => errors)).toEqual([[], []]);
    for (const { digest } of made.layers) {
      expect(asked(registry).filter((line) => line === `GET /v2/team/app/blobs/${digest}`)).toHaveLength(1);
    }
  });

  test('tells how far it has got', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    const seen: { fetched: number; total: number; isOver: boolean }[] = [];
    await pull(registry.url, 'team/app:v1', {
      onProgress: ({ fetched, total, result }) => seen.push({ fetched, total, isOver: result !== undefined }),
    });
    expect(seen.at(-1)).toEqual({ fetched: sizeOf(made), total: sizeOf(made), isOver: true });
    expect(seen.filter(({ isOver }) => isOver)).toHaveLength(1);
  });
});

describe('an index', () => {
  async function scene() {
    const registry = await stage.registry();
    const of = (seed: number) => makeImage([2000 + seed], 'oci', seed);
    const images = { amd64: of(1), arm64: of(2), unknown: of(3) };
    for (const [name, made] of Object.entries(images)) registry.add('team/app', name, made);
    const entry = (name: keyof typeof images, os = 'linux') => ({
      ...descriptor(images[name].manifest),
      platform: { os, architecture: name },
    });
    const index = json(INDEX_TYPE, {
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: [entry('amd64'), entry('arm64'), entry('unknown', 'unknown')],
    });
    registry.addManifest('team/app', 'many', index);
    const blobsOf = (name: keyof typeof images) => `GET /v2/team/app/blobs/${images[name].layers[0].digest}`;
    return { registry, index, images, blobsOf };
  }

  test('gives the wanted platform, and nothing else', async () => {
    const { registry, index, images, blobsOf } = await scene();
    const result = await pull(registry.url, 'team/app:many');
    expect(result).toMatchObject({ digest: index.digest, errors: [] });
    expect(result.fetched).toBe(sizeOf(images.amd64) + index.bytes.length);
    expect(asked(registry)).toContain(blobsOf('amd64'));
    expect(asked(registry)).not.toContain(blobsOf('arm64'));
    const [, child] = registry.requests;
    expect(child.header('accept')).toBe(`${images.amd64.manifest.type}, */*`);
  });

  test('gives all of them', async () => {
    const { registry, blobsOf } = await scene();
    expect((await pull(registry.url, 'team/app:many', { platforms: 'all' })).errors).toEqual([]);
    expect(asked(registry)).toEqual(expect.arrayContaining([blobsOf('amd64'), blobsOf('arm64'), blobsOf('unknown')]));
  });

  test('without the wanted one says so', async () => {
    const { registry } = await scene();
    const { errors } = await pull(registry.url, 'team/app:many', {
      platforms: [{ os: 'linux', architecture: 's390x' }],
    });
    expect(errors).toEqual(['has no linux/s390x, only linux/amd64, linux/arm64']);
  });

  test('of which one manifest is gone gives the others', async () => {
    const { registry, images, blobsOf } = await scene();
    registry.answer(new RegExp(`manifests/${images.amd64.manifest.digest}`), 404);
    const { errors } = await pull(registry.url, 'team/app:many', { platforms: 'all' });
    expect(errors).toEqual([`${images.amd64.manifest.digest} the proxy answers 404`]);
    expect(asked(registry)).toContain(blobsOf('arm64'));
  });
});

describe('what is there already', () => {
  const HIT = { 'cache-status': 'registry-proxy; hit' };

  test('is not read again', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    registry.answer(new RegExp(`^HEAD .*${made.layers[0].digest}`), 200, HIT);
    const result = await pull(registry.url, 'team/app:v1');
    expect(result).toMatchObject({ present: made.layers[0].bytes.length, errors: [] });
    expect(result.fetched).toBe(sizeOf(made) - result.present);
    expect(asked(registry)).not.toContain(`GET /v2/team/app/blobs/${made.layers[0].digest}`);
  });

  test('and is handed out by signed URLs is not read either', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    registry.answer(/^HEAD .*\/blobs\//, 307, { ...HIT, location: 'https://bucket.example.com/x' });
    expect(await pull(registry.url, 'team/app:v1')).toMatchObject({
      present: sizeOf(made) - made.manifest.bytes.length,
      errors: [],
    });
  });

  test('counts as such where it is found only by reading it', async () => {
    const registry = await stage.registry();
    const content = json('application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2,
      layers: [descriptor(contentOf('x/y', Buffer.from('hello')))],
    });
    registry.addManifest('team/app', 'v1', content);
    registry.answer(/^GET .*\/blobs\//, 200, HIT, 'hello');
    expect(await pull(registry.url, 'team/app:v1')).toMatchObject({ fetched: content.bytes.length, present: 5 });
  });
});

describe('faults on the way', () => {
  test('a body that is cut goes on where it was', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    registry.fail(new RegExp(`GET .*${made.layers[0].digest}`), { kind: 'cut', after: 30_000 });
    expect(await pull(registry.url, 'team/app:v1')).toMatchObject({ errors: [], fetched: sizeOf(made) });
    const ranges = registry.requests.map((each) => each.header('range')).filter(Boolean);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=\d{1,5}-$/)]);
  });

  test('a server that begins anew is followed', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    const layer = new RegExp(`GET .*${made.layers[0].digest}`);
    registry.fail(layer, { kind: 'cut', after: 30_000 });
    registry.fail(layer, { kind: 'ignore-range' });
    expect(await pull(registry.url, 'team/app:v1')).toMatchObject({ errors: [], fetched: sizeOf(made) });
  });

  test('a registry that is busy is asked again', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    registry.fail(/manifests/, { kind: 'status', status: 503 });
    registry.fail(/GET .*blobs/, { kind: 'status', status: 429, headers: { 'retry-after': '1' } });
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual([]);
  });

  test('a quota that is used up is not waited for', async () => {
    const registry = await stage.registry();
    registry.answer(
      /manifests/,
      429,
      { 'retry-after': '21600' },
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"quota"}]}',
    );
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual(['the proxy answers 429 TOOMANYREQUESTS quota']);
    expect(registry.requests).toHaveLength(1);
  });

  test('a blob that always breaks off is given up, and the others are read', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    const [first, second] = made.layers;
    registry.fail(new RegExp(`GET .*${first.digest}`), { kind: 'cut', after: 0 }, 99);
    const { errors, fetched } = await pull(registry.url, 'team/app:v1');
    expect(errors).toEqual([`${first.digest} broke off 3 times, at last after 0 bytes`]);
    expect(fetched).toBe(sizeOf(made) - first.bytes.length);
    expect(asked(registry)).toContain(`GET /v2/team/app/blobs/${second.digest}`);
  });

  test.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ['other bytes', (bytes) => payload(bytes.length, 99), / has other bytes than its digest says$/],
    ['more bytes', (bytes) => Buffer.concat([bytes, Buffer.alloc(100_000)]), / is longer than the 3000 bytes/],
    ['fewer bytes', (bytes) => bytes.subarray(1), / is shorter than the 3000 bytes/],
  ])('%s than the digest says are an error', async (_, change, sentence) => {
    const registry = await stage.registry();
    const { layers } = smallImage(registry);
    registry.blobs.set(layers[1].digest, change(layers[1].bytes));
    const { errors } = await pull(registry.url, 'team/app:v1');
    expect(errors).toEqual([expect.stringMatching(sentence)]);
    expect(errors[0]).toContain(layers[1].digest.slice(7));
  });

  test('an image that is not there is an error, and the next one is pulled', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const results = await pullAll(registry.url, ['team/no:v1', 'team/app:v1']);
    expect(results.map(({ errors }) => errors)).toEqual([
      ['the proxy answers 404 MANIFEST_UNKNOWN manifest unknown'],
      [],
    ]);
  });

  test('nobody there is an error', async () => {
    expect((await pull('http://127.0.0.1:1', 'team/app:v1')).errors).toEqual(['connection refused (ECONNREFUSED)']);
  });

  test('a place elsewhere is not gone to', async () => {
    const registry = await stage.registry();
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    smallImage(registry);
    const { errors } = await pull(registry.url, 'team/app:v1');
    expect(errors[0]).toMatch(/ the proxy answers 307, and sends its clients to http:\/\/127\.0\.0\.1:\d+ for what/);
    expect(cdn.requests).toEqual([]);
  });

  test('a place within the proxy is', async () => {
    const registry = await stage.registry({ delivery: { kind: 'own-host' } });
    smallImage(registry);
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual([]);
  });

  test('leaving ends it at once, and its requests', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    registry.fail(new RegExp(`GET .*${made.layers[0].digest}`), { kind: 'stall', after: 1000 }, 9);
    const leaving = new AbortController();
    const reason = new Error('enough');
    const running = pull(registry.url, 'team/app:v1', { signal: leaving.signal });
    const stalled = () =>
      registry.requests.find(({ target, method }) => method === 'GET' && target.includes(made.layers[0].digest));
    expect(await until(() => (stalled()?.bytesOut ?? 0) > 0)).toBe(true);
    leaving.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(await until(() => stalled()?.closed === true)).toBe(true);
  });
});

describe('hostile manifests', () => {
  const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

  test('of a million layers are not read to their end', async () => {
    const registry = await stage.registry();
    const layer = { ...descriptor(contentOf('x', Buffer.from('x'))) };
    registry.addManifest('team/app', 'v1', json(MANIFEST, { schemaVersion: 2, layers: Array(1_000_000).fill(layer) }));
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual(['is no manifest: it is larger than 4 MiB']);
    expect(registry.requests).toHaveLength(1);
  });

  test('of many layers that fit are refused before the first one', async () => {
    const registry = await stage.registry();
    const layers = Array.from({ length: 6000 }, (_, n) => ({
      digest: `sha256:${n.toString(16).padStart(64, '0')}`,
      size: n,
    }));
    registry.addManifest('team/app', 'v1', json(MANIFEST, { schemaVersion: 2, layers }));
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual([expect.stringMatching(/^names 6000 others/)]);
    expect(registry.requests).toHaveLength(1);
  });

  test('in a tree without end are given up', async () => {
    const registry = await stage.registry();
    let child = json(MANIFEST, { schemaVersion: 2, layers: [] });
    for (let depth = 0; depth < 9; depth++) {
      registry.addManifest('team/app', child.digest, child);
      child = json(INDEX_TYPE, { schemaVersion: 2, manifests: [descriptor(child)] });
    }
    registry.addManifest('team/app', 'v1', child);
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual([
      expect.stringMatching(/^sha256:\w{64} has indexes inside each other more than 4 deep$/),
    ]);
    expect(registry.requests).toHaveLength(5);
  });

  test('that name themselves are found out', async () => {
    const registry = await stage.registry();
    const digest = `sha256:${'a'.repeat(64)}`;
    const index = JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: INDEX_TYPE, digest, size: 99 }] });
    registry.answer(/manifests/, 200, { 'content-type': INDEX_TYPE }, index);
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual([
      `${digest} the bytes that came have another digest than ${digest}`,
    ]);
    expect(registry.requests).toHaveLength(2);
  });

  test('cannot write into a request', async () => {
    const registry = await stage.registry();
    const child = json(MANIFEST, { schemaVersion: 2, layers: [] });
    registry.addManifest('team/app', child.digest, child);
    const entry = { ...descriptor(child), mediaType: 'x/y\r\nx-forwarded-for: 1.2.3.4' };
    registry.addManifest('team/app', 'v1', json(INDEX_TYPE, { schemaVersion: 2, manifests: [entry] }));
    expect((await pull(registry.url, 'team/app:v1')).errors).toEqual([]);
  });
});

describe('through the proxy', () => {
  test('tokens are had as clients have them', async () => {
    const tokens = await stage.tokens();
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const made = smallImage(registry);
    const proxy = await stage.proxy(registry);
    expect(await pull(proxy.url, 'team/app:v1')).toMatchObject({ errors: [], fetched: sizeOf(made) });
    expect(tokens.asked).toEqual([
      expect.objectContaining({ scopes: ['repository:team/app:pull'], account: undefined }),
    ]);
  });

  test('the same by the name that the proxy has for itself', async () => {
    const tokens = await stage.tokens();
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    smallImage(registry);
    const proxy = await stage.proxy(registry, { PUBLIC_URL: 'https://proxy.example.com' });
    expect((await pull(proxy.url, 'team/app:v1')).errors).toEqual([]);
  });

  test('what is copied into a bucket is there, although its clients are sent to it', async () => {
    const s3 = await startS3();
    const bucket = s3.bucket();
    const registry = await stage.registry({ rate: 4 * 1024 * 1024 });
    const made = smallImage(registry, 'team/app', 'v1', [2 * 1024 * 1024, 3000]);
    const proxy = await stage.proxy(registry, {
      DELIVERY: 'offload',
      OFFLOAD_WAIT: '200ms',
      CACHE: `s3://${bucket.name}?endpoint=${s3.url}&region=${bucket.place.region}&pathStyle=true`,
      AWS_ACCESS_KEY_ID: s3.login.id,
      AWS_SECRET_ACCESS_KEY: s3.login.secret,
    });
    expect(await pull(proxy.url, 'team/app:v1')).toMatchObject({ errors: [], fetched: sizeOf(made) });
    expect(s3.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))).toEqual([]);
    expect(await pull(proxy.url, 'team/app:v1')).toMatchObject({ errors: [], fetched: 0 });
    await s3.stop();
  });

  test('a token that has run out is had anew', async () => {
    const tokens = await stage.tokens();
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const { layers } = smallImage(registry);
    const proxy = await stage.proxy(registry);
    let isExpired = false;
    const expire = () => {
      if (!isExpired) tokens.expireAll();
      isExpired = true;
    };
    expect(layers.length).toBe(2);
    expect((await pull(proxy.url, 'team/app:v1', { onProgress: expire })).errors).toEqual([]);
    expect(tokens.asked.length).toBeGreaterThan(1);
  });

  test('a private image needs a login', async () => {
    const tokens = await stage.tokens({ privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    smallImage(registry);
    const proxy = await stage.proxy(registry);
    expect((await pull(proxy.url, 'team/app:v1')).errors).toEqual([
      'the proxy answers 401 UNAUTHORIZED authentication required',
    ]);
    const authorization = basic('alice', USERS.alice);
    expect((await pull(proxy.url, 'team/app:v1', { authorization })).errors).toEqual([]);
    const wrong = basic('alice', randomUUID());
    expect((await pull(proxy.url, 'team/app:v1', { authorization: wrong })).errors).toEqual(['no token is given: 401']);
  });

  describe('with users of its own', () => {
    const password = randomUUID();
    const env = { HTPASSWD: `bob:${hashSync(password, 4)}` };

    test.each<[string, Record<string, string>]>([
      ['all must log in', {}],
      ['some need not', { ACCESS: 'bob: pull team/**; anonymous: pull open/**' }],
    ])('where %s', async (_, more) => {
      const registry = await stage.registry();
      smallImage(registry);
      const proxy = await stage.proxy(registry, { ...env, ...more });
      const authorization = basic('bob', password);
      expect((await pull(proxy.url, 'team/app:v1', { authorization })).errors).toEqual([]);
      const [error] = (await pull(proxy.url, 'team/app:v1')).errors;
      expect(error).toMatch(/^the proxy (wants a login|answers 401 UNAUTHORIZED)/);
      const wrong = { authorization: basic('bob', randomUUID()) };
      expect((await pull(proxy.url, 'team/app:v1', wrong)).errors).toEqual([expect.stringMatching(/401/)]);
    });

    test('no error holds the login', async () => {
      const registry = await stage.registry();
      const proxy = await stage.proxy(registry, env);
      const authorization = basic('bob', password);
      const results = await pullAll(proxy.url, ['team/no:v1'], { authorization });
      expect(JSON.stringify(results)).not.toContain(password);
      expect(JSON.stringify(results)).not.toContain(authorization.slice(6));
    });
  });

  test('with the secret in the path', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const secret = `s${randomBytes(12).toString('hex')}`;
    const proxy = await stage.proxy(registry, { ACCESS_SECRET: secret });
    const base = (path: string) => ({ url: { ...(parseUrl(proxy.url) as Url), path } });
    expect((await pull(proxy.url, 'team/app:v1', { base: base(`/${secret}`) })).errors).toEqual([]);
    expect((await pull(proxy.url, 'team/app:v1', { base: base('') })).errors).not.toEqual([]);
  });

  test('a registry that is not served is an error that says so', async () => {
    const registry = await stage.registry();
    const proxy = await stage.proxy(registry);
    expect((await pull(proxy.url, 'ghcr.io/team/app:v1')).errors).toEqual([
      expect.stringMatching(/^the proxy answers 404 NAME_UNKNOWN this proxy does not serve ghcr\.io, only /),
    ]);
  });
});
