import { nodeOnly } from './runtimes';
import { ask } from './upstream/client';
import { authorize, pull, push } from './upstream/docker';
import { makeImage } from './upstream/image';
import { smallImage, stageFor, USERS } from './upstream/scene';

const PREFIX = 'project/public';

describe.each(nodeOnly)('with the $name runtime, a domain of somebody’s own', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function vanity(env: Record<string, string> = {}) {
    const tokens = await stage.tokens();
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const proxy = await stage.proxy(registry, { REPO_PREFIX: PREFIX, ...env });
    return { tokens, registry, proxy };
  }

  const login = { user: 'alice', password: USERS.alice };

  test('pulls without the prefix what lies below it', async () => {
    const { registry, tokens, proxy } = await vanity();
    const image = smallImage(registry, `${PREFIX}/app`);
    expect((await pull({ base: proxy.url }, 'app', 'v1')).digest).toBe(image.manifest.digest);
    expect(tokens.asked.flatMap(({ scopes }) => scopes)).toContain(`repository:${PREFIX}/app:pull`);
  });

  test('asks for a scope without the prefix in every challenge', async () => {
    const { proxy } = await vanity();
    const reply = await ask(`${proxy.url}/v2/app/manifests/v1`);
    expect(reply.header('www-authenticate')).toContain('scope="repository:app:pull"');
  });

  test('pushes, mounts from a neighbour and is led back without the prefix', async () => {
    const { registry, proxy } = await vanity();
    const image = makeImage([50_000]);
    await push({ base: proxy.url, login }, 'app', 'v2', image);
    expect(registry.manifest(`${PREFIX}/app`, 'v2')?.digest).toBe(image.manifest.digest);
    const authorization = await authorize(
      { base: proxy.url, login },
      'repository:copy:pull,push',
      'repository:app:pull',
    );
    const [layer] = image.layers;
    const mounted = await ask(`${proxy.url}/v2/copy/blobs/uploads/?mount=${layer?.digest}&from=app`, {
      method: 'POST',
      headers: authorization,
    });
    expect(registry.requests.at(-1)?.target).toContain(`from=${encodeURIComponent(`${PREFIX}/app`)}`);
    expect(mounted.header('location')).toMatch(new RegExp(`^${proxy.url}/v2/copy/blobs/`));
    expect(mounted.header('location')).not.toContain('project');
  });

  test('keeps the prefix out of tags, their next page and the catalog', async () => {
    const { registry, proxy } = await vanity();
    for (const tag of ['v1', 'v2', 'v3']) smallImage(registry, `${PREFIX}/app`, tag);
    smallImage(registry, 'somebody/else');
    const authorization = await authorize({ base: proxy.url, login }, 'repository:app:pull', 'registry:catalog:*');
    const tags = await ask(`${proxy.url}/v2/app/tags/list?n=2`, { headers: authorization });
    expect(tags.json()).toEqual({ name: 'app', tags: ['v1', 'v2'] });
    expect(tags.header('content-length')).toBe(String(tags.body.length));
    const next = /<([^>]+)>/.exec(tags.header('link') ?? '')?.[1] ?? '';
    expect(next).toMatch(/^\/v2\/app\/tags\/list\?/);
    expect((await ask(proxy.url + next, { headers: authorization })).json()).toEqual({ name: 'app', tags: ['v3'] });
    const catalog = await ask(`${proxy.url}/v2/_catalog`, { headers: authorization });
    expect(catalog.json()).toEqual({ repositories: ['app'] });
    const head = await ask(`${proxy.url}/v2/app/tags/list`, { method: 'HEAD', headers: authorization });
    expect(head.header('content-length')).toBeUndefined();
  });

  test('answers 502 where a list cannot be cleaned of it', async () => {
    const { registry, proxy } = await vanity();
    registry.answer(/tags/, 200, { 'content-type': 'application/json' }, `["${PREFIX}/app"]x`);
    const reply = await ask(`${proxy.url}/v2/app/tags/list`);
    expect([reply.status, reply.text.includes(PREFIX)]).toEqual([502, false]);
  });

  test.each([
    ['/', `/${PREFIX}`],
    ['/app', `/${PREFIX}/app`],
    ['/app:v1', `/${PREFIX}/app`],
  ])('sends a browser at %s to the registry’s page %s', async (path, page) => {
    const { registry, proxy } = await vanity({ HANDLE_REDIRECT: 'true' });
    const reply = await ask(proxy.url + path, { headers: { accept: 'text/html,*/*' } });
    expect([reply.status, reply.header('location')]).toEqual([307, registry.url + page]);
    expect((await ask(proxy.url + path)).status).toBe(404);
  });

  test('sends no browser anywhere where that is switched off', async () => {
    const { proxy } = await vanity({ HANDLE_REDIRECT: 'true', DISABLE_BROWSER_REDIRECTS: 'false' });
    const headers = { accept: 'text/html' };
    expect((await ask(`${proxy.url}/app`, { headers })).status).toBe(404);
    expect((await ask(`${proxy.url}/`, { headers })).status).toBe(200);
  });
});
