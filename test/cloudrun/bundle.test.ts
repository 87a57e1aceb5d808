import { conduct } from '../edges/conduct';
import { type Packaged, REPOSITORY } from '../edges/packaged';
import { MIB } from '../edges/upstreams';
import { ask } from '../upstream/client';
import { contentOf, sha256 } from '../upstream/image';
import { USERS } from '../upstream/scene';
import { HOST, startScene } from './scene';

let scene: Packaged;

beforeAll(async () => {
  scene = await startScene();
}, 60_000);
afterAll(() => scene?.close());

describe('the bundle behind the stand-in for Cloud Run', () => {
  it('knows where it is by what Cloud Run sets', async () => {
    await scene.toV2('');
    expect(scene.functions[0]?.logs().find(({ msg }) => msg === 'listening')).toMatchObject({ platform: 'cloud-run' });
  });

  it('sends a blob over 32 MiB chunked, so that Cloud Run passes it on', async () => {
    const layer = contentOf('application/octet-stream', Buffer.alloc(40 * MIB, 'l'));
    scene.registry.blobs.set(layer.digest, layer.bytes);
    const headers = await scene.token('pull');
    const blob = await scene.toV2(`${REPOSITORY}/blobs/${layer.digest}`, { headers });
    expect([blob.status, blob.ending, sha256(blob.body)]).toEqual([200, 'clean', layer.digest]);
    expect(scene.gateway.answers.at(-1)).toMatchObject({ streamed: true, status: 200 });
  });

  it('sends a range of a blob', async () => {
    const { digest, bytes } = scene.image.layers[0] ?? scene.image.config;
    const headers = { ...(await scene.token('pull')), range: 'bytes=5000000-15000000' };
    const part = await scene.toV2(`${REPOSITORY}/blobs/${digest}`, { headers });
    expect([part.status, part.header('content-range')]).toEqual([206, `bytes 5000000-15000000/${bytes.length}`]);
    expect(part.body.equals(bytes.subarray(5_000_000, 15_000_001))).toBe(true);
  });

  it('leaves a layer over 32 MiB to Cloud Run, which refuses it with 413', async () => {
    const headers = await scene.token('pull,push', `alice:${USERS.alice}`);
    const begun = await scene.toV2(`${REPOSITORY}/blobs/uploads/`, { method: 'POST', headers });
    const url = scene.at(new URL(begun.header('location') ?? '', `https://${HOST}`).href);
    const before = scene.registry.requests.length;
    const refused = await ask(url, { method: 'PATCH', headers, body: Buffer.alloc(33 * MIB) });
    expect([refused.status, scene.registry.requests.length]).toEqual([413, before]);
  });

  conduct(() => scene, HOST);
});
