import { nodeOnly } from './runtimes';
import { ask, basic } from './upstream/client';
import { pull } from './upstream/docker';
import type { Registry } from './upstream/registry';
import { smallImage, stageFor, USERS } from './upstream/scene';

describe.each(nodeOnly)('with the $name runtime, one instance of several registries', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  /** A registry behind a token server that nobody's login is meant for. */
  async function withTokens(privateRepositories: string[] = []) {
    const tokens = await stage.tokens({ foreign: true, privateRepositories });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } as never });
    return { tokens, registry };
  }

  async function several() {
    const first = await withTokens();
    const second = await withTokens(['team/secret']);
    const open = await stage.registry();
    const proxy = await stage.proxy(first.registry, {
      REGISTRIES: `second.test=${second.registry.url},open.test=${open.url}`,
    });
    return { first, second, open, proxy };
  }

  const pulled = async (registry: Registry, base: string, prefix = '', ns?: string) => {
    const image = smallImage(registry);
    const result = await pull({ base, ns }, `${prefix}team/app`, 'v1');
    expect(result.digest).toBe(image.manifest.digest);
  };

  test('pulls from each of them, by ns, by path and by default, and the client needs no token', async () => {
    const { first, second, open, proxy } = await several();
    await pulled(first.registry, proxy.url);
    await pulled(second.registry, proxy.url, '', 'second.test');
    await pulled(second.registry, proxy.url, 'second.test/');
    await pulled(open, proxy.url, 'open.test/');
    const ping = await ask(`${proxy.url}/v2/`);
    expect([ping.status, ping.header('www-authenticate')]).toEqual([200, undefined]);
  });

  test('never carries a client’s login to any of them', async () => {
    const { second, proxy } = await several();
    smallImage(second.registry);
    for (const authorization of [basic('alice', USERS.alice), 'Bearer stolen']) {
      const reply = await ask(`${proxy.url}/v2/second.test/team/app/manifests/v1`, { headers: { authorization } });
      expect(reply.status).toBe(200);
    }
    const seen = [...second.registry.requests, ...second.tokens.requests].map((each) => each.header('authorization'));
    expect(seen.filter((value) => value?.includes('stolen') || value?.startsWith('Basic'))).toEqual([]);
  });

  test('asks for one token where fifty clients pull the same image', async () => {
    const { second, proxy } = await several();
    smallImage(second.registry);
    const url = `${proxy.url}/v2/second.test/team/app/manifests/v1`;
    const replies = await Promise.all(Array.from({ length: 50 }, () => ask(url)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(second.tokens.asked.map(({ scopes }) => scopes)).toEqual([['repository:team/app:pull']]);
  });

  test('gets a new token when the old one has run out before its time', async () => {
    const { second, proxy } = await several();
    smallImage(second.registry);
    const url = `${proxy.url}/v2/second.test/team/app/manifests/v1`;
    expect((await ask(url)).status).toBe(200);
    second.tokens.expireAll();
    expect((await ask(url)).status).toBe(200);
    expect(second.tokens.asked).toHaveLength(2);
  });

  test('says 401 for what is not public, and asks nobody to log in', async () => {
    const { second, proxy } = await several();
    smallImage(second.registry, 'team/secret');
    const reply = await ask(`${proxy.url}/v2/second.test/team/secret/manifests/v1`);
    expect([reply.status, reply.header('www-authenticate')]).toEqual([401, undefined]);
  });

  test('says 401 as well where the token server itself refuses, as ghcr.io does, and 502 where it is down', async () => {
    const { second, proxy } = await several();
    const url = `${proxy.url}/v2/second.test/team/secret/manifests/v1`;
    second.tokens.fail(/token/, { kind: 'status', status: 403 });
    const refused = await ask(url);
    expect([refused.status, refused.header('www-authenticate'), refused.json()]).toMatchObject([
      401,
      undefined,
      { errors: [{ code: 'UNAUTHORIZED' }] },
    ]);
    second.tokens.fail(/token/, { kind: 'refuse' }, 10);
    expect((await ask(url)).status).toBe(502);
  });

  test('refuses pushes and deletes before a byte of them is read', async () => {
    const { first, proxy } = await several();
    const begun = await ask(`${proxy.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
    const removed = await ask(`${proxy.url}/v2/team/app/manifests/v1`, { method: 'DELETE' });
    expect([begun.status, removed.status]).toEqual([405, 405]);
    expect(begun.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    expect(first.registry.requests).toEqual([]);
  });

  test('lists what it serves to whoever asks for something else', async () => {
    const { proxy } = await several();
    const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1?ns=third.test`);
    expect([reply.status, reply.json()]).toMatchObject([
      404,
      { errors: [{ detail: { known: expect.arrayContaining(['second.test', 'open.test']) } }] },
    ]);
  });
});
