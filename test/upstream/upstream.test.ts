import { type Cdn, startCdn } from './cdn';
import { createAuthority } from './certificates';
import { ask, basic, exchangeRaw, open } from './client';
import { pull, push } from './docker';
import { makeImage, makeReferrer, payload, sha256 } from './image';
import type { Upstream } from './listen';
import { type Registry, type RegistryOptions, startRegistry } from './registry';
import { startTokenServer, type TokenServer } from './token-server';

/** The imitated upstreams are only worth something if they keep the spec themselves and do accuse. */

const started: Upstream[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((upstream) => upstream.stop()));
});

async function registryWith(options: RegistryOptions = {}): Promise<Registry> {
  const registry = await startRegistry(options);
  started.push(registry);
  return registry;
}

async function tokensWith(options = {}): Promise<TokenServer> {
  const tokens = await startTokenServer({ service: 'registry.test', users: { alice: 'pw:1' }, ...options });
  started.push(tokens);
  return tokens;
}

async function cdnOf(registry: Registry): Promise<Cdn> {
  const cdn = await startCdn({ blobs: registry.blobs });
  started.push(cdn);
  return cdn;
}

describe('the imitated registry', () => {
  const image = makeImage([100_000, 5_000]);

  test.each([['absolute'], ['relative'], ['state'], ['ghcr'], ['pkg-dev']] as const)(
    'takes a push whose Location is %s and gives it back',
    async (uploads) => {
      const registry = await registryWith({ uploads });
      await push({ base: registry.url }, 'team/app', 'v1', image, 30_000);
      const pulled = await pull({ base: registry.url }, 'team/app', 'v1');
      expect(pulled.blobs.size).toBe(3);
      expect(registry.accusations).toEqual([]);
    },
  );

  test('sends a pull with a token to the CDN, which takes nothing but its signature', async () => {
    const tokens = await tokensWith({ privateRepositories: ['team/app'] });
    const registry = await registryWith({ auth: { kind: 'bearer', tokens } });
    const cdn = await cdnOf(registry);
    registry.options.delivery = { kind: 'cdn', cdn, detour: { kind: 'hops', count: 3 } };
    registry.add('team/app', 'v1', image);
    const session = { base: registry.url, login: { user: 'alice', password: 'pw:1' } };
    await pull(session, 'team/app', 'v1');
    await expect(pull({ base: registry.url }, 'team/app', 'v1')).rejects.toThrow('401');
    expect([...registry.accusations, ...tokens.accusations, ...cdn.accusations]).toEqual([]);

    const link = cdn.link(image.config.digest);
    expect((await ask(link)).status).toBe(200);
    expect((await ask(link.replace(/Signature=./, 'Signature=x'))).status).toBe(403);
    cdn.expireLinks();
    expect((await ask(link)).status).toBe(403);
  });

  test('pages tags, filters referrers, mounts, deletes', async () => {
    const registry = await registryWith();
    for (const tag of ['a', 'b', 'c']) registry.add('team/app', tag, image);
    const page = await ask(`${registry.url}/v2/team/app/tags/list?n=2`);
    expect(page.json()).toEqual({ name: 'team/app', tags: ['a', 'b'] });
    expect(page.header('link')).toBe('</v2/team/app/tags/list?last=b&n=2>; rel="next"');
    const signature = makeReferrer(image.manifest, 'application/x.signature');
    registry.addManifest('team/app', signature.digest, signature);
    const referrers = `${registry.url}/v2/team/app/referrers/${image.manifest.digest}`;
    expect((await ask(`${referrers}?artifactType=application/x.sbom`)).json()).toMatchObject({ manifests: [] });
    expect((await ask(referrers)).json()).toMatchObject({ manifests: [{ digest: signature.digest }] });
    const mount = `${registry.url}/v2/other/blobs/uploads/?mount=${image.config.digest}&from=team/app`;
    expect((await ask(mount, { method: 'POST' })).status).toBe(201);
    const blob = `${registry.url}/v2/other/blobs/${image.config.digest}`;
    expect((await ask(blob, { method: 'DELETE' })).status).toBe(202);
    expect((await ask(blob)).status).toBe(404);
  });

  test('keeps conditions and ranges', async () => {
    const registry = await registryWith();
    registry.add('team/app', 'v1', image);
    const layer = image.layers[0] as (typeof image.layers)[0];
    const url = `${registry.url}/v2/team/app/blobs/${layer.digest}`;
    const part = await ask(url, { headers: { range: 'bytes=10-19' } });
    expect([part.status, part.header('content-range')]).toEqual([206, `bytes 10-19/${layer.bytes.length}`]);
    expect(part.body).toEqual(layer.bytes.subarray(10, 20));
    expect((await ask(url, { headers: { range: 'bytes=10-19', 'if-range': '"other"' } })).status).toBe(200);
    expect((await ask(url, { headers: { 'if-none-match': part.header('etag') } })).status).toBe(304);
    expect((await ask(url, { headers: { range: 'bytes=900000-' } })).status).toBe(416);
    const parts = await ask(url, { headers: { range: 'bytes=0-4,10-14' } });
    expect(parts.header('content-type')).toContain('multipart/byteranges');
  });
});

describe('the imitated faults', () => {
  const bytes = payload(500_000);

  async function blobWith(fault: Parameters<Upstream['fail']>[1], range?: string) {
    const registry = await registryWith();
    registry.blobs.set(sha256(bytes), bytes);
    registry.fail(/blobs/, fault);
    return ask(`${registry.url}/v2/x/blobs/${sha256(bytes)}`, { headers: range ? { range } : {} });
  }

  test('a cut comes after the bytes that were to be sent', async () => {
    const reply = await blobWith({ kind: 'cut', after: 200_000 });
    expect([reply.status, reply.body.length, reply.ending]).toEqual([200, 200_000, 'destroyed']);
  });

  test('refuse, wrong ranges, changed size, garbage, short', async () => {
    await expect(blobWith({ kind: 'refuse' })).rejects.toThrow('ECONNRESET');
    const shifted = await blobWith({ kind: 'wrong-content-range', shift: 5 }, 'bytes=100-');
    expect(shifted.header('content-range')).toBe('bytes 105-499999/500000');
    const grown = await blobWith({ kind: 'changed-size', by: 7 }, 'bytes=100-');
    expect(grown.header('content-range')).toBe('bytes 100-499999/500007');
    expect((await blobWith({ kind: 'ignore-range' }, 'bytes=100-')).status).toBe(200);
    const short = await blobWith({ kind: 'clean-short', after: 1000 });
    expect([short.body.length, short.ending]).toEqual([1000, 'clean']);
  });

  test('a client that leaves is seen to leave', async () => {
    const registry = await registryWith();
    registry.blobs.set(sha256(bytes), bytes);
    registry.fail(/blobs/, { kind: 'stall', after: 100_000 });
    const { leave } = await open(`${registry.url}/v2/x/blobs/${sha256(bytes)}`);
    leave();
    await registry.requests[0]?.whenClosed;
    expect(registry.requests[0]?.closedEarlyAt).toBeDefined();
  });
});

describe('the imitated upstreams accuse', () => {
  test('the registry: of headers, bodies and paths that must not arrive', async () => {
    const registry = await registryWith({ hub: true });
    const headers = { 'x-fc-access-key-secret': 's', cookie: 'a=b', 'x-forwarded-for': '1.2.3.4' };
    await ask(`${registry.url}/v2/nginx/manifests/latest?ns=docker.io`, { headers });
    await ask(registry.url, { target: '/v2/a/%2e%2e/manifests/latest' });
    await ask(`${registry.url}/v2/a/b/manifests/latest`, { method: 'DELETE', body: [Buffer.from('GET / HTTP/1.1')] });
    const harms = registry.accusations.join('\n');
    for (const harm of ['x-fc-', 'cookie', 'x-forwarded-for', 'ns ', 'lacks library/', 'two ways', 'with a body']) {
      expect(harms).toContain(harm);
    }
  });

  test('the registry: of two messages that ran into each other', async () => {
    const registry = await registryWith();
    await exchangeRaw(
      registry.port,
      `GET /v2/ HTTP/1.1\r\nHost: ${registry.authority}\r\n\r\n5\r\nSMUGG\r\n0\r\n\r\n`,
      200,
    );
    expect(registry.accusations.join()).toContain('could not parse');
  });

  test('the CDN: of credentials and of HEAD; the token server: of logins not meant for it', async () => {
    const registry = await registryWith();
    registry.blobs.set(sha256(Buffer.from('x')), Buffer.from('x'));
    const cdn = await cdnOf(registry);
    const link = cdn.link(sha256(Buffer.from('x')));
    expect((await ask(link, { headers: { authorization: 'Bearer t' } })).status).toBe(400);
    expect((await ask(link, { method: 'HEAD' })).status).toBe(403);
    expect(cdn.accusations).toHaveLength(2);
    const foreign = await tokensWith({ foreign: true });
    await ask(`${foreign.realm}?service=registry.test`, { headers: { authorization: basic('alice', 'pw:1') } });
    await ask(`${foreign.realm}?service=another`);
    expect(foreign.accusations).toHaveLength(2);
  });
});

test('the own authority is trusted by those who know it, and by nobody else', async () => {
  const authority = await createAuthority();
  const registry = await registryWith({ tls: await authority.issue(['registry.test', '127.0.0.1']) });
  expect((await ask(`${registry.url}/v2/`, { ca: authority.cert })).status).toBe(200);
  await expect(ask(`${registry.url}/v2/`)).rejects.toThrow(/certificate/);
});
