import { ask, open } from '../upstream/client';
import { contentOf, descriptor, INDEX_TYPE, makeImage, payload, sha256 } from '../upstream/image';
import type { RegistryOptions } from '../upstream/registry';
import { smallImage, stageFor, until } from '../upstream/scene';
import { worker } from '../worker-runtime';

/** What a Worker may do, and what it has to leave to the platform (deploy/cloudflare/README.md, "Limits"). */

const MIB = 1024 * 1024;
const stage = stageFor(worker);

afterEach(async () => expect(await stage.close()).toEqual([]));

async function served(size: number, env: Record<string, string> = {}, options: RegistryOptions = {}) {
  const registry = await stage.registry(options);
  const blob = contentOf('application/octet-stream', payload(size));
  registry.blobs.set(blob.digest, blob.bytes);
  const proxy = await stage.proxy(registry, env);
  return { registry, proxy, blob, url: `${proxy.url}/v2/team/app/blobs/${blob.digest}` };
}

const linesOf = (proxy: { logs(): Record<string, unknown>[] }) => proxy.logs().filter(({ msg }) => msg === 'request');

test('a body that the platform does not take is 413, with what to do', async () => {
  const { registry, proxy } = await served(1);
  const begun = await ask(`${proxy.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
  const headers = { 'content-length': 100_000_001 };
  const { response, head, leave } = await open(begun.header('location') as string, {
    method: 'PATCH',
    headers,
    body: [],
  });
  response.on('error', () => {});
  leave();
  expect(head.status).toBe(413);
  expect(registry.requests).toHaveLength(1);
});

test('a request leads to so many others and no more', async () => {
  const { registry, proxy } = await served(1, { MAX_SUBREQUESTS: '13', RETRY_TIMEOUT: '5s' });
  registry.fail(/manifests/, { kind: 'status', status: 503 }, 100);
  const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
  expect([reply.status, reply.text]).toEqual([502, expect.stringContaining('MAX_SUBREQUESTS')]);
  expect(registry.requests).toHaveLength(3);
});

test('a request for a token is one of them', async () => {
  const tokens = await stage.tokens();
  const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
  smallImage(registry);
  const proxy = await stage.proxy(registry, { REGISTRIES: 'quay.test=http://127.0.0.1:9', MAX_SUBREQUESTS: '11' });
  const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
  expect([reply.status, reply.json()]).toMatchObject([502, { errors: [{ code: 'UNAVAILABLE' }] }]);
  expect([registry.requests.length, tokens.requests.length]).toEqual([1, 0]);
});

test('ALLOW_CLIENTS goes by the address that the edge says, beside which the edge says more', async () => {
  const proxy = await stage.proxy(await stage.registry(), { ALLOW_CLIENTS: '192.0.2.0/24' });
  const statusFor = async (address: string) => {
    const headers = { 'cf-connecting-ip': address, 'x-real-ip': address, 'x-forwarded-proto': 'https' };
    return (await ask(`${proxy.url}/v2/`, { headers })).status;
  };
  expect([await statusFor('192.0.2.7'), await statusFor('198.51.100.7')]).toEqual([200, 403]);
});

test('a blob without a length is asked for it, so that a cut can be told from an end', async () => {
  const { registry, url, blob } = await served(6 * MIB, {}, { framing: 'chunked' });
  const whole = await ask(url);
  expect([whole.header('content-length'), sha256(whole.body)]).toEqual([String(6 * MIB), blob.digest]);
  expect(registry.requests.map((request) => request.header('range'))).toEqual([undefined, 'bytes=0-0']);
  registry.fail(/blobs/, { kind: 'cut', after: MIB });
  registry.fail(/blobs/, { kind: 'changed-size', by: 0 });
  registry.fail(/blobs/, { kind: 'changed-size', by: 10 }, 100);
  expect((await ask(url)).ending).toBe('destroyed');
});

describe('on the free plan', () => {
  const FREE = { MAX_SUBREQUESTS: '50', DIRECT_ABOVE: '1m' };

  test('a large body is handed on by the platform, whole', async () => {
    const { url, blob, proxy } = await served(8 * MIB, FREE);
    const reply = await ask(url);
    expect([reply.header('content-length'), sha256(reply.body)]).toEqual([String(8 * MIB), blob.digest]);
    await until(() => linesOf(proxy).length === 1);
    expect(linesOf(proxy)).toMatchObject([{ status: 200, bytes: 8 * MIB, resumed: 0 }]);
  });

  test('one that its client leaves costs its budget, though nobody sees how far it came', async () => {
    const { url } = await served(30 * MIB, { ...FREE, BUDGET_CLIENT_BYTES: '10m' });
    const { response, leave } = await open(url);
    await until(() => response.readableLength > 0);
    leave();
    expect((await ask(url)).status).toBe(429);
  });

  test('one that is cut breaks off, since nobody watches it', async () => {
    const { registry, url, blob, proxy } = await served(8 * MIB, FREE);
    registry.fail(/blobs/, { kind: 'cut', after: 3 * MIB });
    const reply = await ask(url);
    expect([reply.status, reply.ending]).toEqual([200, 'destroyed']);
    expect(reply.body.equals(blob.bytes.subarray(0, reply.body.length))).toBe(true);
    await until(() => linesOf(proxy).length === 1);
    expect(linesOf(proxy)).toMatchObject([{ level: 'warn', why: expect.stringContaining('lost'), resumed: 0 }]);
  });

  test('a small one is watched, and continued', async () => {
    const { registry, url, blob, proxy } = await served(900_000, FREE);
    registry.fail(/blobs/, { kind: 'cut', after: 300_000 });
    expect(sha256((await ask(url)).body)).toBe(blob.digest);
    await until(() => linesOf(proxy).length === 1);
    expect(linesOf(proxy)).toMatchObject([{ resumed: 1 }]);
  });
});

test('a configuration with faults answers nobody, and lists them in the log alone', async () => {
  const proxy = await stage.proxy(await stage.registry(), { BODY_FRAMING: 'chunked', STALL_TIMEOUT: '0' });
  const reply = await ask(`${proxy.url}/v2/`);
  expect([reply.status, reply.text]).toEqual([500, expect.not.stringContaining('STALL_TIMEOUT')]);
  await until(() => proxy.logs().length >= 2);
  expect(proxy.logs().map(({ why }) => why)).toEqual([
    expect.stringContaining('STALL_TIMEOUT=0'),
    expect.stringContaining('BODY_FRAMING=chunked'),
  ]);
});

test.each([
  [530, 502, 'dns', 'host name not found'],
  [526, 502, 'tls', 'certificate not accepted'],
  [522, 504, 'timeout', 'no connection in time'],
  [521, 502, 'refused', 'connection refused'],
])(
  '%d, by which Cloudflare says that it cannot reach a registry, is %d and says why',
  async (status, expected, reason, words) => {
    const { registry, proxy } = await served(1, { RETRY_TIMEOUT: '0' });
    registry.fail(/manifests\/v1/, { kind: 'status', status, headers: { server: 'cloudflare' }, body: '<html>' }, 10);
    const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
    expect(reply.status).toBe(expected);
    expect(reply.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE', detail: { reason } }] });
    expect(reply.text).toContain(words);
    registry.fail(/manifests\/v2/, { kind: 'status', status, headers: { server: 'nginx' } });
    expect((await ask(`${proxy.url}/v2/team/app/manifests/v2`)).status).toBe(status);
  },
);

test('a variable that was written as JSON is read as one', async () => {
  const registry = await stage.registry();
  const image = smallImage(registry);
  const proxy = await stage.proxy(await stage.registry(), {
    REGISTRIES: { 'corp.test': { url: registry.url } } as never,
  });
  const reply = await ask(`${proxy.url}/v2/corp.test/team/app/manifests/v1`);
  expect(sha256(reply.body)).toBe(image.manifest.digest);
});

test('nothing that a registry says is kept by Cloudflare on the way, as a file that a tag looks like', async () => {
  const registry = await stage.registry();
  const cdn = await stage.cdn({ registry });
  registry.options.delivery = { kind: 'cdn', cdn };
  const image = smallImage(registry, 'team/app', 'v1.zip');
  const proxy = await stage.proxy(registry, { HANDLE_REDIRECT: 'true' });
  await ask(`${proxy.url}/v2/team/app/manifests/v1.zip`);
  await ask(`${proxy.url}/v2/team/app/blobs/${image.config.digest}`);
  // workerd says so to the registry as well; what it asks a CDN for stays as it is.
  expect(registry.requests.map((request) => request.header('cache-control'))).toEqual(['no-cache', 'no-cache']);
  expect(cdn.requests.map((request) => request.header('cache-control'))).toEqual([undefined]);
});

test('a look at many platforms at a time is one request of these, too', async () => {
  const registry = await stage.registry();
  const platforms = Array.from({ length: 12 }, (_, index) => {
    const image = makeImage([1000 + index], 'oci', index + 1);
    registry.add('team/app', image.manifest.digest, image);
    return { ...descriptor(image.manifest), platform: { os: 'linux', architecture: `cpu${index}` } };
  });
  const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: platforms };
  registry.addManifest('team/app', 'v1', contentOf(INDEX_TYPE, Buffer.from(JSON.stringify(index))));
  const proxy = await stage.proxy(registry, { MAX_SUBREQUESTS: '20' });
  const page = await ask(`${proxy.url}/?image=team/app:v1`, { headers: { accept: 'text/html' } });
  expect([page.status, page.text]).toEqual([200, expect.stringMatching(/Not looked into: \d+ more platforms/)]);
  expect(registry.requests).toHaveLength(10);
});
