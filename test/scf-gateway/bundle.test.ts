import { existsSync } from 'node:fs';
import { conduct } from '../edges/conduct';
import { type Packaged, REPOSITORY } from '../edges/packaged';
import { MIB } from '../edges/upstreams';
import { ask } from '../upstream/client';
import type { Content } from '../upstream/image';
import { USERS } from '../upstream/scene';
import { HOST, startScene } from './scene';

// The file that starts a web function is one for bash.
(existsSync('/bin/bash') ? describe : describe.skip)('the package behind the stand-in for SCF', () => {
  let scene: Packaged;

  beforeAll(async () => {
    scene = await startScene();
  }, 60_000);
  afterAll(() => scene?.close());

  const begin = async () => {
    const headers = await scene.token('pull,push', `alice:${USERS.alice}`);
    const begun = await scene.toV2(`${REPOSITORY}/blobs/uploads/`, { method: 'POST', headers });
    return { headers, url: scene.at(new URL(begun.header('location') ?? '', `https://${HOST}`).href) };
  };

  it('sends a client with a large blob to where the registry sends it', async () => {
    const large = scene.image.layers[0] as Content;
    const headers = await scene.token('pull');
    const blob = await scene.toV2(`${REPOSITORY}/blobs/${large.digest}`, { headers });
    expect([blob.status, new URL(String(blob.header('location'))).host]).toEqual([307, scene.cdn.authority]);
    expect(scene.gateway.answers.filter(({ status }) => status >= 500)).toEqual([]);
  });

  it('brings an image whole, of which it carries the small parts itself', async () => {
    const [config, large, small] = await scene.pull();
    expect([config?.status, large?.status, small?.status]).toEqual([200, 307, 200]);
  });

  it('leaves a layer over 6 MB to SCF, which refuses it', async () => {
    const { url, headers } = await begin();
    const before = scene.registry.requests.length;
    const refused = await ask(url, { method: 'PATCH', headers, body: Buffer.alloc(7 * MIB) });
    expect([refused.status, scene.registry.requests.length]).toEqual([406, before]);
  });

  conduct(() => scene, HOST);
});

(existsSync('/bin/bash') ? describe : describe.skip)('the package where SCF gives each request an instance', () => {
  let scene: Packaged;

  beforeAll(async () => {
    scene = await startScene({ MAX_REQUEST_BODY: '1m' }, { concurrency: 1 });
  }, 60_000);
  afterAll(() => scene?.close());

  it('pulls through several, each of which stands still in turn', async () => {
    await scene.toV2('');
    await Promise.all([scene.pull(), scene.pull(), scene.pull()]);
    expect(scene.functions.length).toBeGreaterThan(1);
    expect(scene.instances.frozen).toBeGreaterThan(scene.functions.length);
  });

  it('refuses a body that is over its own limit, and says what to do', async () => {
    const headers = await scene.token('pull,push', `alice:${USERS.alice}`);
    const begun = await scene.toV2(`${REPOSITORY}/blobs/uploads/`, { method: 'POST', headers });
    const url = scene.at(new URL(begun.header('location') ?? '', `https://${HOST}`).href);
    const refused = await ask(url, { method: 'PATCH', headers, body: Buffer.alloc(2 * MIB) });
    expect([refused.status, refused.json()]).toEqual([
      413,
      {
        errors: [
          expect.objectContaining({ code: 'SIZE_INVALID', message: expect.stringContaining('push it in chunks') }),
        ],
      },
    ]);
  });
});
