import type { Readable } from 'node:stream';
import { Miniflare } from 'miniflare';
import { ask } from '../upstream/client';
import { smallImage, stageFor } from '../upstream/scene';
import { builtWorker, COMPATIBILITY_DATE, worker } from '../worker-runtime';

/** What is bound to a Worker, and what its variables say of it. */

const MIB = 1024 * 1024;
const stage = stageFor(worker);
const flares: Miniflare[] = [];

afterEach(async () => {
  await Promise.all(flares.splice(0).map((flare) => flare.dispose()));
  expect(await stage.close()).toEqual([]);
});

async function start(bindings: Record<string, string>, r2Buckets = ['REGISTRY_CACHE']) {
  const flare = new Miniflare({
    modules: true,
    script: builtWorker(),
    compatibilityDate: COMPATIBILITY_DATE,
    bindings: { MAX_SUBREQUESTS: '1000', LOG_LEVEL: 'silent', HANDLE_REDIRECT: 'true', ...bindings },
    r2Buckets,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    // It lists the faults.
    handleRuntimeStdio: (output: Readable, errors: Readable) => {
      output.resume();
      errors.resume();
    },
  });
  flares.push(flare);
  const { origin } = await flare.unsafeGetDirectURL();
  const keys = async () => {
    const bucket = await flare.getR2Bucket('REGISTRY_CACHE');
    return (await bucket.list()).objects.map(({ key }) => key);
  };
  return { url: origin, keys };
}

test('a part of a bucket is used where CACHE names one, and nothing beside it', async () => {
  const registry = await stage.registry();
  const { layers } = smallImage(registry, 'team/app', 'v1', [MIB]);
  const { url, keys } = await start({ REGISTRY_BACKEND: registry.url, CACHE: 'r2:images/hub' });
  const reply = await ask(`${url}/v2/team/app/blobs/${layers[0].digest}`);
  expect(reply.body.equals(layers[0].bytes)).toBe(true);
  expect(await keys()).toContain(`images/hub/blobs/${layers[0].digest.replace(':', '/')}`);
  expect((await keys()).filter((key) => !key.startsWith('images/hub/'))).toEqual([]);
});

test('a blob over CACHE_MAX_BLOB is passed on and not kept, and a bucket may be left alone', async () => {
  const registry = await stage.registry();
  const { layers } = smallImage(registry, 'team/app', 'v1', [MIB]);
  for (const env of [{ CACHE_MAX_BLOB: '1000k' }, { CACHE: 'none' }] as Record<string, string>[]) {
    const { url, keys } = await start({ REGISTRY_BACKEND: registry.url, ...env });
    const reply = await ask(`${url}/v2/team/app/blobs/${layers[0].digest}`);
    expect(reply.body.equals(layers[0].bytes)).toBe(true);
    expect((await keys()).filter((key) => key.startsWith('blobs/'))).toEqual([]);
  }
});

test.each([
  [{ CACHE: 'r2' }, []],
  [{ CACHE: 'memory' }, ['REGISTRY_CACHE']],
  [{ CACHE_REDIRECT: '10m' }, ['REGISTRY_CACHE']],
] as [Record<string, string>, string[]][])(
  '%j with the buckets %j is a fault of the configuration',
  async (env, bound) => {
    const { url } = await start(env, bound);
    const reply = await ask(`${url}/v2/`);
    expect([reply.status, reply.body.toString()]).toEqual([
      500,
      expect.stringContaining('the configuration has faults'),
    ]);
  },
);
