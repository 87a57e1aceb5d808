import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Instance, nodeOnly, runtimes, unless } from './runtimes';
import { type S3Server, startS3 } from './storage/s3-server';
import { ask, basic, open, type Reply } from './upstream/client';
import { pull } from './upstream/docker';
import { makeImage, payload, sha256 } from './upstream/image';
import type { Registry } from './upstream/registry';
import { smallImage, stageFor, USERS, until } from './upstream/scene';

const MIB = 1024 * 1024;
const TYPES = 'application/vnd.oci.image.manifest.v1+json';
const OPEN = { HANDLE_REDIRECT: 'true' };

const said = (reply: Reply) => reply.header('cache-status');

describe.each(runtimes)('with the $name runtime, a cache', (runtime) => {
  const stage = stageFor(runtime);
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cache-'));
  });

  afterEach(async () => {
    const accusations = await stage.close();
    rmSync(folder, { recursive: true, force: true });
    expect(accusations).toEqual([]);
  });

  const disk = () => ({ ...OPEN, CACHE: `disk:${folder}` });
  const asked = ({ requests }: Pick<Registry, 'requests'>) => requests.map(({ method, path }) => `${method} ${path}`);
  const blobs = () => readdirSync(join(folder, 'blobs', 'sha256')).sort();
  const isFile = (digest: string) => {
    try {
      return blobs().includes(digest.slice('sha256:'.length));
    } catch {
      return false;
    }
  };
  const stored = async (proxy: Instance, digest: string) => {
    for (const end = Date.now() + 2000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
      if (proxy.isInBucket ? await proxy.isInBucket(digest) : isFile(digest)) return true;
    }
    return false;
  };

  test.each(['disk', 'memory'])('in %s gives an image twice and asks for its bytes once', async (kind) => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, kind === 'disk' ? disk() : { ...OPEN, CACHE: 'memory' });
    for (let time = 0; time < 3; time += 1) {
      expect((await pull({ base: proxy.url }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    }
    const gets = registry.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'));
    expect(gets.map(({ path }) => path).sort()).toEqual(
      [image.config, ...image.layers].map(({ digest }) => `/v2/team/app/blobs/${digest}`).sort(),
    );
    expect(asked(registry).filter((line) => /GET .*manifests/.test(line))).toHaveLength(1);
  });

  unless(runtime, 'files')('keeps bytes as files that are what their names say', async () => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, disk());
    await pull({ base: proxy.url }, 'team/app', 'v1');
    const [layer] = image.layers;
    expect(await stored(proxy, layer.digest)).toBe(true);
    for (const name of blobs()) {
      expect(sha256(readFileSync(join(folder, 'blobs', 'sha256', name)))).toBe(`sha256:${name}`);
    }
  });

  test('says what it did', async () => {
    const registry = await stage.registry();
    const [layer] = smallImage(registry).layers;
    const proxy = await stage.proxy(registry, disk());
    const blob = () => ask(`${proxy.url}/v2/team/app/blobs/${layer.digest}`);
    const tag = () => ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers: { accept: TYPES } });
    expect(said(await blob())).toBe('registry-proxy; fwd=uri-miss; fwd-status=200; stored');
    expect(await stored(proxy, layer.digest)).toBe(true);
    expect(await until(() => proxy.logs().length > 0)).toBe(true);
    const again = await blob();
    expect([said(again), again.body.equals(layer.bytes)]).toEqual(['registry-proxy; hit', true]);
    expect(said(await tag())).toBe('registry-proxy; fwd=uri-miss; fwd-status=200; stored');
    expect(said(await tag())).toMatch(/^registry-proxy; hit; ttl=\d+$/);
    expect(said(await ask(`${proxy.url}/v2/team/app/tags/list`))).toBe('registry-proxy; fwd=bypass');
  });

  unless(runtime, 'joining')('gives twenty clients a cold blob for one fetch, whoever leaves', async () => {
    const registry = await stage.registry();
    const [layer] = smallImage(registry, 'team/app', 'v1', [8 * MIB]).layers;
    const proxy = await stage.proxy(registry, disk());
    const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
    const first = await open(url);
    first.response.once('data', () => first.leave());
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(url)));
    expect(all.map(({ body }) => body.equals(layer.bytes))).toEqual(all.map(() => true));
    expect(asked(registry).filter((line) => line.startsWith('GET'))).toHaveLength(1);
    expect(all.filter((each) => /collapsed|hit/.test(said(each) ?? ''))).toHaveLength(20);
  });

  test('answers ranges out of what it keeps', async () => {
    const registry = await stage.registry();
    const [layer] = smallImage(registry, 'team/app', 'v1', [MIB]).layers;
    const proxy = await stage.proxy(registry, disk());
    const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
    await ask(url);
    expect(await stored(proxy, layer.digest)).toBe(true);
    await registry.stop();
    for (const [range, first, last] of [
      ['bytes=0-9', 0, 9],
      ['bytes=1000-', 1000, MIB - 1],
      ['bytes=-5', MIB - 5, MIB - 1],
    ] as const) {
      const part = await ask(url, { headers: { range } });
      expect([part.status, part.header('content-range')]).toEqual([206, `bytes ${first}-${last}/${MIB}`]);
      expect(part.body.equals(layer.bytes.subarray(first, last + 1))).toBe(true);
    }
    const beyond = await ask(url, { headers: { range: `bytes=${MIB}-` } });
    expect([beyond.status, beyond.header('content-range')]).toEqual([416, `bytes */${MIB}`]);
    const known = await ask(url, { headers: { 'if-none-match': `"${layer.digest}"` } });
    expect([known.status, known.body.length]).toEqual([304, 0]);
    const head = await ask(url, { method: 'HEAD' });
    expect([head.status, head.header('content-length'), head.header('docker-content-digest')]).toEqual([
      200,
      String(MIB),
      layer.digest,
    ]);
  });

  test('never stores or ends a wrong body, and asks again', async () => {
    const registry = await stage.registry();
    const [layer] = smallImage(registry, 'team/app', 'v1', [MIB]).layers;
    const proxy = await stage.proxy(registry, disk());
    const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
    registry.blobs.set(layer.digest, payload(MIB, 77));
    const wrong = await ask(url);
    expect([wrong.ending, wrong.body.length < MIB]).toEqual(['destroyed', true]);
    registry.blobs.set(layer.digest, layer.bytes);
    const right = await ask(url);
    expect([right.ending, right.body.equals(layer.bytes)]).toEqual(['clean', true]);
  });

  test('passes on no manifest of another digest, and asks for it again', async () => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, disk());
    const { digest, type, bytes } = image.manifest;
    const url = `${proxy.url}/v2/team/app/manifests/${digest}`;
    const wrong = {
      kind: 'status',
      status: 200,
      headers: { 'content-type': type, 'docker-content-digest': digest },
    } as const;
    registry.fail(/GET .*manifests/, { ...wrong, body: '{"wrong":1}' }, 2);
    const mended = await ask(url);
    expect([mended.status, mended.body.equals(bytes)]).toEqual([200, true]);
    const other = makeImage([10], 'oci', 8).manifest;
    registry.addManifest('team/app', other.digest, other);
    registry.fail(/GET .*manifests/, { ...wrong, body: '{"wrong":1}' }, 1000);
    expect((await ask(url.replace(digest, other.digest))).status).toBe(502);
  });

  test('asks again for a small blob or manifest that comes cut', async () => {
    const registry = await stage.registry();
    const { config, manifest } = smallImage(registry);
    const proxy = await stage.proxy(registry, disk());
    registry.fail(/GET/, { kind: 'cut', after: 100 });
    const blob = await ask(`${proxy.url}/v2/team/app/blobs/${config.digest}`);
    expect([blob.status, blob.body.equals(config.bytes)]).toEqual([200, true]);
    registry.fail(/GET/, { kind: 'cut', after: 100 });
    const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers: { accept: TYPES } });
    expect([reply.status, reply.body.equals(manifest.bytes)]).toEqual([200, true]);
  });

  test('asks again for a small blob that stops in the middle, however long that takes to be seen', async () => {
    const registry = await stage.registry();
    const [, layer] = smallImage(registry).layers;
    const proxy = await stage.proxy(registry, { ...disk(), STALL_TIMEOUT: '1s', RETRY_TIMEOUT: '900ms' });
    registry.fail(/GET .*blobs/, { kind: 'stall', after: 100 });
    const reply = await ask(`${proxy.url}/v2/team/app/blobs/${layer?.digest}`);
    expect([reply.status, layer?.bytes.equals(reply.body)]).toEqual([200, true]);
  });

  test('follows a tag by HEAD when its time is up, and fetches what is new', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const proxy = await stage.proxy(registry, { ...disk(), CACHE_TAG_TTL: '0' });
    const tag = () => ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers: { accept: TYPES } });
    const before = await tag();
    expect(said(await tag())).toBe('registry-proxy; fwd=stale; fwd-status=200; detail=same-digest');
    const other = makeImage([1000], 'oci', 9);
    registry.add('team/app', 'v1', other);
    const after = await tag();
    expect([before.status, after.header('docker-content-digest')]).toEqual([200, other.manifest.digest]);
    expect(asked(registry)).toEqual([
      'GET /v2/team/app/manifests/v1',
      'HEAD /v2/team/app/manifests/v1',
      'HEAD /v2/team/app/manifests/v1',
      'GET /v2/team/app/manifests/v1',
    ]);
  });

  test.each([429, 500, 503])('serves a tag that it knows while the registry answers %d', async (status) => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { ...disk(), CACHE_TAG_TTL: '0' });
    const tag = () => ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers: { accept: TYPES } });
    await tag();
    registry.answer(/manifests/, status);
    const reply = await tag();
    expect([reply.status, reply.header('docker-content-digest')]).toEqual([200, image.manifest.digest]);
    expect(said(reply)).toBe(`registry-proxy; fwd=stale; fwd-status=${status}; detail=stale-if-error`);
    expect(said(await tag())).toMatch(/^registry-proxy; hit; ttl=-?\d+$/);
  });

  test('pulls what is public with registry, token server and storage down', async () => {
    const tokens = await stage.tokens();
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { ...disk(), CACHE_TAG_TTL: '0' });
    await pull({ base: proxy.url }, 'team/app', 'v1');
    for (const { digest } of image.layers) expect(await stored(proxy, digest)).toBe(true);
    // That everybody may pull it is found out behind the answer.
    expect(await until(() => registry.requests.some((each) => each.method === 'HEAD'))).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await Promise.all([registry.stop(), tokens.stop(), cdn.stop()]);
    const again = await pull({ base: proxy.url }, 'team/app', 'v1');
    expect(again.digest).toBe(image.manifest.digest);
  });

  test('shows private content only to whom the registry shows it', async () => {
    const tokens = await stage.tokens({ privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, disk());
    await pull({ base: proxy.url, login: { user: 'alice', password: USERS.alice } }, 'team/app', 'v1');
    const [layer] = image.layers;
    expect(await stored(proxy, layer.digest)).toBe(true);
    for (const path of [`blobs/${layer.digest}`, 'manifests/v1', `manifests/${image.manifest.digest}`]) {
      for (const headers of [
        {},
        { authorization: 'Bearer registry-proxy-anonymous' },
        { authorization: basic('alice', 'x') },
      ]) {
        const reply = await ask(`${proxy.url}/v2/team/app/${path}`, { headers: { accept: TYPES, ...headers } });
        expect([path, reply.status]).toEqual([path, 401]);
      }
    }
    await registry.stop();
    expect((await ask(`${proxy.url}/v2/team/app/blobs/${layer.digest}`)).status).toBe(502);
  });

  test('knows a blob in one repository, and asks before it shows it in another', async () => {
    const registry = await stage.registry();
    const [layer] = smallImage(registry).layers;
    smallImage(registry, 'other/app');
    const proxy = await stage.proxy(registry, disk());
    await ask(`${proxy.url}/v2/team/app/blobs/${layer.digest}`);
    expect(await stored(proxy, layer.digest)).toBe(true);
    const other = await ask(`${proxy.url}/v2/other/app/blobs/${layer.digest}`);
    expect([other.status, other.body.equals(layer.bytes)]).toEqual([200, true]);
    expect(asked(registry).slice(1)).toEqual([`HEAD /v2/other/app/blobs/${layer.digest}`]);
  });

  test('remembers an absence for a moment, and forgets it with a push', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const proxy = await stage.proxy(registry, disk());
    const url = `${proxy.url}/v2/team/app/manifests/new`;
    const absent = [await ask(url), await ask(url)];
    expect(absent.map((each) => [each.status, said(each)])).toEqual([
      [404, 'registry-proxy; fwd=uri-miss; fwd-status=404'],
      [404, 'registry-proxy; hit'],
    ]);
    expect(asked(registry)).toEqual(['GET /v2/team/app/manifests/new']);
    const { manifest } = makeImage([10], 'oci', 3);
    const pushed = await ask(url, { method: 'PUT', headers: { 'content-type': manifest.type }, body: manifest.bytes });
    expect([pushed.status, said(pushed)]).toEqual([201, 'registry-proxy; fwd=method']);
    expect((await ask(url)).header('docker-content-digest')).toBe(manifest.digest);
  });

  unless(runtime, 'joining')('continues a fetch that is cut, for all who follow it', async () => {
    const registry = await stage.registry();
    const [layer] = smallImage(registry, 'team/app', 'v1', [4 * MIB]).layers;
    const proxy = await stage.proxy(registry, disk());
    registry.fail(/blobs/, { kind: 'cut', after: MIB });
    const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
    const all = await Promise.all([ask(url), ask(url), ask(url)]);
    expect(all.map(({ body }) => body.equals(layer.bytes))).toEqual([true, true, true]);
  });
});

describe.each(nodeOnly)('with the $name runtime, a cache in a bucket', (runtime) => {
  const stage = stageFor(runtime);
  let s3: S3Server;

  beforeEach(async () => {
    s3 = await startS3();
  });

  afterEach(async () => {
    expect([...(await stage.close()), ...s3.accusations]).toEqual([]);
    await s3.stop();
  });

  const env = (): Record<string, string> => {
    const { bucket, prefix, region } = s3.bucket({ prefix: 'images/' }).place;
    return {
      ...OPEN,
      CACHE: `s3://${bucket}/${prefix}?endpoint=${encodeURIComponent(s3.url)}&region=${region}&pathStyle=true`,
      CACHE_ACCESS_KEY: s3.login.id,
      CACHE_SECRET_KEY: s3.login.secret,
    };
  };

  test('is shared by instances, and late clients follow what is not yet in it', async () => {
    const registry = await stage.registry();
    const [layer] = smallImage(registry, 'team/app', 'v1', [12 * MIB]).layers;
    const settings = env();
    const proxy = await stage.proxy(registry, settings);
    const path = `/v2/team/app/blobs/${layer.digest}`;
    const all = await Promise.all(Array.from({ length: 4 }, () => ask(proxy.url + path)));
    expect(all.map(({ body }) => body.equals(layer.bytes))).toEqual([true, true, true, true]);
    const other = await stage.proxy(registry, settings);
    const second = async () => said(await ask(other.url + path, { method: 'HEAD' }));
    let word = await second();
    for (let time = 0; time < 100 && word !== 'registry-proxy; hit'; time += 1) word = await second();
    const reply = await ask(other.url + path);
    expect([said(reply), reply.body.equals(layer.bytes)]).toEqual(['registry-proxy; hit', true]);
    expect(registry.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
  });

  test('hands large blobs over by a URL of its own, where CACHE_REDIRECT says so', async () => {
    const registry = await stage.registry();
    const { layers, config } = smallImage(registry, 'team/app', 'v1', [MIB]);
    const proxy = await stage.proxy(registry, { ...env(), CACHE_REDIRECT: '10m' });
    const url = (digest: string) => `${proxy.url}/v2/team/app/blobs/${digest}`;
    const [{ digest, bytes }] = layers;
    await Promise.all([ask(url(digest)), ask(url(config.digest))]);
    let reply = await ask(url(digest));
    for (let time = 0; time < 100 && reply.status !== 307; time += 1) reply = await ask(url(digest));
    expect([reply.status, reply.header('docker-content-digest'), reply.header('cache-control')]).toEqual([
      307,
      digest,
      'no-store',
    ]);
    const there = await ask(reply.header('location') ?? '', { headers: { range: 'bytes=5-' } });
    expect([there.status, there.body.equals(bytes.subarray(5))]).toEqual([206, true]);
    const small = await ask(url(config.digest));
    expect([small.status, small.body.equals(config.bytes)]).toEqual([200, true]);
    expect((await ask(url(digest), { method: 'HEAD' })).status).toBe(200);
  });

  test.each(['down', 'full of faults'])('that is %s fails no pull', async (how) => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, env());
    if (how === 'down') await s3.stop();
    else s3.fail(/./, { kind: 'status', status: 500, body: 'no XML' }, 1000);
    for (let time = 0; time < 2; time += 1) {
      expect((await pull({ base: proxy.url }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    }
  });
});
