import { type Instance, runtimes } from '../runtimes';
import type { Cdn } from '../upstream/cdn';
import { ask, open } from '../upstream/client';
import { payload, sha256 } from '../upstream/image';
import type { Upstream } from '../upstream/listen';
import type { Registry, RegistryOptions } from '../upstream/registry';
import { stageFor, until } from '../upstream/scene';

const MIB = 1024 * 1024;

// One process has the proxy, its upstreams and its clients here, on a machine that may be busy with more: what it has to do besides says
// nothing of the proxy's own load, above which it does not ask for further connections (test/core/parallel.test.ts).
jest.mock('../../src/node/loop-activity', () => ({ loopActivity: () => 0 }));

const RATE = 2 * MIB;

const stage = stageFor(runtimes[0]);
afterEach(async () => {
  expect(await stage.close()).toEqual([]);
});

interface Scene {
  readonly registry: Registry;
  readonly cdn: Cdn;
  readonly proxy: Instance;
  readonly bytes: Buffer;
  readonly digest: string;
  readonly url: string;
}

/** A blob in a storage that sends slowly over each connection, behind a registry. */
async function begun(size: number, cdnOptions: object = {}, options: RegistryOptions = {}): Promise<Scene> {
  const registry = await stage.registry(options);
  const cdn = await stage.cdn({ registry, rate: RATE, ...cdnOptions });
  registry.options.delivery ??= { kind: 'cdn', cdn };
  const bytes = payload(size);
  const digest = sha256(bytes);
  registry.blobs.set(digest, bytes);
  const proxy = await stage.proxy(registry, { HANDLE_REDIRECT: 'true', STALL_TIMEOUT: '10s' });
  return { registry, cdn, proxy, bytes, digest, url: `${proxy.url}/v2/team/app/blobs/${digest}` };
}

async function line(proxy: Instance): Promise<Record<string, unknown>> {
  const lines = () => proxy.logs().filter(({ msg }) => msg === 'request');
  await until(() => lines().length > 0);
  return lines()[0];
}

const sent = ({ requests }: Upstream) => requests.reduce((sum, { bytesOut }) => sum + bytesOut, 0);

describe('a blob on a slow link', () => {
  test('comes over several connections, straight from the storage', async () => {
    const { url, digest, bytes, registry, cdn, proxy } = await begun(12 * MIB);
    const reply = await ask(url);
    expect([reply.status, reply.ending, reply.header('content-length')]).toEqual([200, 'clean', String(bytes.length)]);
    expect(sha256(reply.body)).toBe(digest);
    expect(registry.requests).toHaveLength(1);
    expect(cdn.requests.length).toBeGreaterThan(4);
    expect(sent(cdn)).toBeLessThan(bytes.length + 2 * MIB);
    expect(await line(proxy)).toMatchObject({
      status: 200,
      bytes: bytes.length,
      resumed: 0,
      connections: 8,
      level: 'info',
    });
  });

  test('comes over several from the registry itself', async () => {
    const { url, digest, registry } = await begun(8 * MIB, {}, { delivery: { kind: 'self' }, rate: RATE });
    const reply = await ask(url);
    expect([reply.ending, sha256(reply.body)]).toEqual(['clean', digest]);
    expect(registry.requests.length).toBeGreaterThan(4);
  });

  test('may be a part of it', async () => {
    const { url, bytes, cdn } = await begun(12 * MIB);
    const reply = await ask(url, { headers: { range: 'bytes=1000000-9000000' } });
    expect([reply.status, reply.ending, reply.body.equals(bytes.subarray(1_000_000, 9_000_001))]).toEqual([
      206,
      'clean',
      true,
    ]);
    expect(cdn.requests.length).toBeGreaterThan(4);
  });

  test('whose URL is good for a moment only gets fresh ones of the registry', async () => {
    const { url, digest, registry, cdn } = await begun(12 * MIB, { signedFor: 600 });
    const reply = await ask(url);
    expect([reply.ending, sha256(reply.body)]).toEqual(['clean', digest]);
    expect(cdn.requests.some(({ status }) => status === 403)).toBe(true);
    // A fresh URL serves all that come after it.
    expect(registry.requests.length).toBeGreaterThan(1);
    expect(registry.requests.length).toBeLessThan(cdn.requests.length / 2);
  });

  test('is continued where segments are cut', async () => {
    const { url, digest, cdn, proxy } = await begun(12 * MIB);
    const reading = ask(url);
    await until(() => cdn.requests.length === 1);
    cdn.fail(/blobs/, { kind: 'cut', after: 100_000 }, 3);
    const reply = await reading;
    expect([reply.ending, sha256(reply.body)]).toEqual(['clean', digest]);
    expect(await line(proxy)).toMatchObject({ resumed: 3 });
  });

  test('ends all connections when the client leaves', async () => {
    const { url, cdn, proxy } = await begun(24 * MIB);
    const { response, leave } = await open(url);
    response.on('error', () => {}).resume();
    await until(() => cdn.requests.length > 4, 5000);
    leave();
    expect(await until(() => cdn.requests.every(({ closed }) => closed))).toBe(true);
    expect(await line(proxy)).toMatchObject({ connections: 8, why: 'the client left', bytes: expect.any(Number) });
  });

  test('that is not to be had to its end never ends cleanly', async () => {
    const { url, cdn, registry, proxy } = await begun(12 * MIB);
    const reading = ask(url);
    await until(() => cdn.requests.length > 4, 5000);
    registry.answer(/blobs/, 404);
    cdn.expireLinks();
    cdn.fail(/blobs/, { kind: 'cut', after: 0 }, 1000);
    const reply = await reading;
    expect(reply.ending).toBe('destroyed');
    expect((await line(proxy)).why).toBe('the upstream answers 404');
  });
});

describe('a blob comes over one connection', () => {
  test('where that is fast', async () => {
    const { url, digest, cdn, proxy } = await begun(32 * MIB, { rate: undefined });
    expect(sha256((await ask(url)).body)).toBe(digest);
    expect(cdn.requests).toHaveLength(1);
    expect((await line(proxy)).connections).toBeUndefined();
  });

  test('where the client is slower', async () => {
    const { url, digest, bytes, cdn } = await begun(24 * MIB, { rate: 32 * MIB });
    const { response } = await open(url);
    const chunks: Buffer[] = [];
    for await (const chunk of response) {
      chunks.push(chunk);
      if (chunks.length % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(sha256(Buffer.concat(chunks, bytes.length))).toBe(digest);
    expect(cdn.requests).toHaveLength(1);
  });
});

test('a client that stops reading in the middle is disconnected, and all connections end', async () => {
  const registry = await stage.registry({ delivery: { kind: 'self' }, rate: 8 * MIB });
  const bytes = payload(64 * MIB);
  registry.blobs.set(sha256(bytes), bytes);
  const proxy = await stage.proxy(registry, { CLIENT_TIMEOUT: '500ms' });
  const { response } = await open(`${proxy.url}/v2/team/app/blobs/${sha256(bytes)}`);
  response.on('error', () => {}).resume();
  await until(() => registry.requests.length > 4, 5000);
  response.pause();
  expect(await until(() => registry.requests.every(({ closed }) => closed), 5000)).toBe(true);
  expect((await line(proxy)).why).toBe('the client took no byte for 0.5 s');
});
