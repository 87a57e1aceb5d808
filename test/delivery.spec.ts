import { nodeOnly, runtimes } from './runtimes';
import { type S3Server, startS3 } from './storage/s3-server';
import { ask, begin, type Reply } from './upstream/client';
import { contentOf, payload } from './upstream/image';
import type { Upstream } from './upstream/listen';
import type { RegistryOptions } from './upstream/registry';
import { stageFor, until } from './upstream/scene';

const MIB = 1024 * 1024;
const SMALL = { MAX_RESPONSE: '1m' };

/** As clients do: `Range` goes along, a login does not. */
async function follow(url: string, headers: Record<string, string> = {}, hops: string[] = []): Promise<Reply> {
  const reply = await ask(url, { headers });
  const location = reply.header('location');
  if (reply.status !== 307 || location === undefined || hops.length >= 10) return reply;
  hops.push(location);
  return follow(location, headers, hops);
}

describe.each(runtimes)('with the $name runtime, a blob', (runtime) => {
  const stage = stageFor(runtime);
  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function away(size: number, env: Record<string, string>) {
    const registry = await stage.registry();
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    const blob = contentOf('application/octet-stream', payload(size));
    registry.blobs.set(blob.digest, blob.bytes);
    const proxy = await stage.proxy(registry, env);
    return { registry, cdn, blob, proxy, url: `${proxy.url}/v2/team/app/blobs/${blob.digest}` };
  }

  test("goes by the registry's own URL where that is told, whatever else is", async () => {
    const { url, cdn, blob } = await away(100_000, { DELIVERY: 'redirect', HANDLE_REDIRECT: 'true' });
    const reply = await ask(url);
    expect(reply.status).toBe(307);
    expect(reply.header('location')).toContain(cdn.authority);
    expect(cdn.requests).toHaveLength(0);
    expect((await follow(url)).body.equals(blob.bytes)).toBe(true);
  });

  test('is streamed where that is told, also where redirects are passed on', async () => {
    const { url, blob } = await away(2 * MIB, { ...SMALL, DELIVERY: 'stream' });
    const reply = await ask(url);
    expect([reply.status, reply.body.equals(blob.bytes)]).toEqual([200, true]);
  });

  test('that is too large for an answer is fetched from the storage, and what is not comes from here', async () => {
    const { url, cdn, blob, registry, proxy } = await away(3 * MIB, { ...SMALL, HANDLE_REDIRECT: 'true' });
    const reply = await ask(url);
    expect([reply.status, reply.body.length]).toEqual([307, 0]);
    expect(reply.header('location')).toContain(cdn.authority);
    expect(reply.header('docker-content-digest')).toBe(blob.digest);
    expect(await until(() => cdn.requests[0]?.closed === true)).toBe(true);
    expect((await follow(url)).body.equals(blob.bytes)).toBe(true);
    const part = await ask(url, { headers: { range: 'bytes=1000000-1000999' } });
    expect([part.status, part.body.equals(blob.bytes.subarray(1_000_000, 1_001_000))]).toEqual([206, true]);
    const small = contentOf('application/octet-stream', payload(MIB));
    registry.blobs.set(small.digest, small.bytes);
    expect((await ask(`${proxy.url}/v2/team/app/blobs/${small.digest}`)).body.equals(small.bytes)).toBe(true);
  });

  test('that is too large, and that only the registry has, is answered with what to do', async () => {
    const registry = await stage.registry();
    const blob = contentOf('application/octet-stream', payload(2 * MIB));
    registry.blobs.set(blob.digest, blob.bytes);
    const proxy = await stage.proxy(registry, SMALL);
    const reply = await ask(`${proxy.url}/v2/team/app/blobs/${blob.digest}`);
    expect([reply.status, reply.ending]).toEqual([501, 'clean']);
    expect(reply.text).toContain('UNSUPPORTED');
    expect(reply.text).toContain('CACHE=s3://');
    const head = await ask(`${proxy.url}/v2/team/app/blobs/${blob.digest}`, { method: 'HEAD' });
    expect([head.status, head.header('content-length')]).toEqual([200, String(2 * MIB)]);
  });
});

describe.each(nodeOnly)('with the $name runtime, a blob that is offloaded', (runtime) => {
  const stage = stageFor(runtime);
  const others: Upstream[] = [];
  afterEach(async () => {
    const accusations = [...(await stage.close()), ...others.flatMap((each) => each.accusations)];
    await Promise.all(others.splice(0).map((each) => each.stop()));
    expect(accusations).toEqual([]);
  });

  async function offloaded(
    size: number,
    env: Record<string, string> = {},
    options: RegistryOptions = {},
    token?: string,
  ) {
    const s3 = await startS3(token);
    others.push(s3);
    const bucket = s3.bucket();
    const registry = await stage.registry(options);
    const blob = contentOf('application/octet-stream', payload(size));
    registry.blobs.set(blob.digest, blob.bytes);
    const proxy = await stage.proxy(registry, {
      DELIVERY: 'offload',
      CACHE: `s3://${bucket.name}?endpoint=${s3.url}&region=${bucket.place.region}&pathStyle=true`,
      AWS_ACCESS_KEY_ID: s3.login.id,
      AWS_SECRET_ACCESS_KEY: s3.login.secret,
      ...env,
    });
    // What is slow is fetched over several connections, each of which asks for a part.
    const asked = () =>
      registry.requests.filter(({ method, header }) => method === 'GET' && header('range') === undefined).length;
    return { s3, bucket, registry, blob, proxy, asked, url: `${proxy.url}/v2/team/app/blobs/${blob.digest}` };
  }

  const leadsTo = (s3: S3Server, reply: Reply) => reply.status === 307 && reply.header('location')?.startsWith(s3.url);

  test('is there when its client is sent there, and is not fetched again', async () => {
    const { url, s3, blob, asked, proxy } = await offloaded(12 * MIB);
    const cold = await ask(url);
    expect(leadsTo(s3, cold)).toBe(true);
    expect(cold.header('location')).toContain('X-Amz-Signature=');
    expect(cold.header('cache-control')).toBe('no-store');
    expect((await ask(cold.header('location') as string)).body.equals(blob.bytes)).toBe(true);
    expect(leadsTo(s3, await ask(url))).toBe(true);
    expect(asked()).toBe(1);
    const lines = JSON.stringify(proxy.logs());
    expect(lines).not.toContain('X-Amz-Signature');
  });

  test('is fetched once for all who ask for it at once', async () => {
    const { url, blob, asked } = await offloaded(12 * MIB, {}, { rate: 20 * MIB });
    const replies = await Promise.all([1, 2, 3, 4, 5].map(() => follow(url)));
    expect(replies.map(({ body }) => body.equals(blob.bytes))).toEqual([true, true, true, true, true]);
    expect(asked()).toBe(1);
  });

  test('of which a part is asked for is copied whole, and the part comes from the bucket', async () => {
    const { url, s3, blob, registry } = await offloaded(9 * MIB);
    const reply = await ask(url, { headers: { range: `bytes=${MIB}-` } });
    expect(leadsTo(s3, reply)).toBe(true);
    const part = await follow(url, { range: `bytes=${MIB}-` });
    expect([part.status, part.body.equals(blob.bytes.subarray(MIB))]).toEqual([206, true]);
    const ranges = registry.requests.map(({ header }) => header('range'));
    expect(ranges.at(-1)).toBeUndefined();
  });

  test('that takes long sends its client back, and is there in the end', async () => {
    const { url, s3, blob, asked } = await offloaded(4 * MIB, { OFFLOAD_WAIT: '300ms' }, { rate: 3 * MIB });
    const hops: string[] = [];
    const reply = await follow(url, {}, hops);
    expect(reply.body.equals(blob.bytes)).toBe(true);
    expect(hops.length).toBeGreaterThan(1);
    expect(hops.slice(0, -1).every((hop, index) => hop === `${url}?_offload=${index + 1}`)).toBe(true);
    expect(hops.at(-1)?.startsWith(s3.url)).toBe(true);
    expect(asked()).toBe(1);
  });

  test('comes through an instance in front, which waits and then fetches it from the bucket', async () => {
    const { proxy: far, blob, asked } = await offloaded(4 * MIB, { OFFLOAD_WAIT: '150ms' }, { rate: 3 * MIB });
    const near = await stage.proxy(far.url, { CACHE: 'memory', CACHE_MAX_SIZE: '64m', REGISTRY_NAME: 'far.test' });
    const reply = await ask(`${near.url}/v2/team/app/blobs/${blob.digest}`);
    expect([reply.status, reply.body.equals(blob.bytes)]).toEqual([200, true]);
    expect(asked()).toBe(1);
    const rounds = far.logs().filter(({ status }) => status === 307);
    expect(rounds.length).toBeGreaterThan(2);
  });

  test('whose client leaves is there for the next one', async () => {
    const { url, s3, blob, asked } = await offloaded(6 * MIB, {}, { rate: 4 * MIB });
    const client = begin(url);
    expect(await until(() => asked() === 1)).toBe(true);
    client.leave();
    const reply = await follow(url);
    expect(reply.body.equals(blob.bytes)).toBe(true);
    expect(s3.accusations).toEqual([]);
    expect(asked()).toBe(1);
  });

  test('is cut and continued on its way, and is right in the bucket', async () => {
    const { url, blob, registry } = await offloaded(6 * MIB);
    registry.fail(/GET .*blobs/, { kind: 'cut', after: 2 * MIB });
    expect((await follow(url)).body.equals(blob.bytes)).toBe(true);
  });

  test('that is not what its digest says leads nobody anywhere, and is not kept', async () => {
    const { url, bucket, blob, registry } = await offloaded(3 * MIB, { MAX_RESPONSE: '1m' });
    registry.blobs.set(blob.digest, payload(3 * MIB, 7));
    const reply = await ask(url);
    expect(reply.status).toBe(501);
    expect([...bucket.objects.keys()].filter((key) => key.includes('blobs/'))).toEqual([]);
  });

  test('to which no URL leads that the platform lets pass is not sent where it would be cut', async () => {
    const token = 't'.repeat(3600);
    const env = { PLATFORM: 'tencent-scf', AWS_SESSION_TOKEN: token };
    const { url, bucket } = await offloaded(7 * MIB, env, {}, token);
    const reply = await ask(url);
    expect([reply.status, reply.ending]).toEqual([501, 'clean']);
    expect([...bucket.objects.keys()].filter((key) => key.startsWith('blobs/'))).toHaveLength(1);
    const part = await ask(url, { headers: { range: 'bytes=0-999' } });
    expect([part.status, part.body.length]).toEqual([206, 1000]);
  });

  test('is sent from here while the bucket cannot be written', async () => {
    const { url, blob, s3 } = await offloaded(3 * MIB);
    s3.fail(/(PUT|POST) .*blobs/, { kind: 'status', status: 403 }, 100);
    const reply = await ask(url);
    expect([reply.status, reply.body.equals(blob.bytes)]).toEqual([200, true]);
  });

  test('that is small comes from here, and so do manifests', async () => {
    const { proxy, registry } = await offloaded(3 * MIB);
    const small = contentOf('application/octet-stream', payload(200_000));
    registry.blobs.set(small.digest, small.bytes);
    const reply = await ask(`${proxy.url}/v2/team/app/blobs/${small.digest}`);
    expect([reply.status, reply.body.equals(small.bytes)]).toEqual([200, true]);
  });
});
