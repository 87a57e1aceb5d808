import { ask, open } from '../upstream/client';
import { contentOf, sha256 } from '../upstream/image';
import { stageFor } from '../upstream/scene';
import { worker } from '../worker-runtime';

const stage = stageFor(worker);

afterEach(async () => expect(await stage.close()).toEqual([]));

async function served(size: number) {
  const registry = await stage.registry();
  const text = JSON.stringify({ schemaVersion: 2, annotations: { long: 'a'.repeat(size) } });
  const manifest = contentOf('application/vnd.oci.image.manifest.v1+json', Buffer.from(text));
  registry.addManifest('team/app', 'v1', manifest);
  const proxy = await stage.proxy(registry, { CACHE: 'memory', STALL_TIMEOUT: '3s' });
  return { registry, proxy, manifest, url: `${proxy.url}/v2/team/app/manifests/v1` };
}

test('a large manifest is sent as it comes, and takes no memory of its size', async () => {
  const { registry, url } = await served(3_000_000);
  registry.fail(/manifests/, { kind: 'stall', after: 1_000_000 });
  const { head, leave } = await open(url);
  // The rest has not come yet, and nobody has asked again.
  expect([head.status, registry.requests.length]).toEqual([200, 1]);
  leave();
});

test('a large manifest is kept', async () => {
  const { registry, proxy, url, manifest } = await served(3_000_000);
  expect(sha256((await ask(url)).body)).toBe(manifest.digest);
  expect(await proxy.isInBucket?.(manifest.digest)).toBe(true);
  await registry.stop();
  const reply = await ask(`${proxy.url}/v2/team/app/manifests/${manifest.digest}`);
  expect([reply.status, reply.header('content-length')]).toEqual([200, String(manifest.bytes.length)]);
  expect(sha256(reply.body)).toBe(manifest.digest);
});

test('a large manifest that is another one than it says breaks off, and is not kept', async () => {
  const { registry, proxy, url, manifest } = await served(3_000_000);
  const other = Buffer.from(manifest.bytes);
  other[2_000_000] = 'b'.charCodeAt(0);
  registry.answer(
    /manifests/,
    200,
    {
      'content-type': manifest.type,
      'content-length': other.length,
      'docker-content-digest': manifest.digest,
    },
    other.toString(),
  );
  const reply = await ask(url);
  expect([reply.ending, reply.body.length < other.length]).toEqual(['destroyed', true]);
  expect(await proxy.isInBucket?.(manifest.digest)).toBe(false);
});
