import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { hashPassword, makePassword } from '../src/shell/made-passwords';
import { runtimes } from './runtimes';
import { ask, basic } from './upstream/client';
import { smallImage, stageFor, USERS } from './upstream/scene';
import { HITS } from './upstream/search';

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
const HUB = { REGISTRY_NAME: 'docker.io' };

describe.each(runtimes)('with the $name runtime, the landing page', (runtime) => {
  const stage = stageFor(runtime);
  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(env: Record<string, string> = {}, options: Parameters<typeof stage.registry>[0] = {}) {
    const registry = await stage.registry(options);
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, env);
    const see = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      ask(proxy.url + path, { method, headers: { ...BROWSER, ...headers } });
    return { registry, image, proxy, see };
  }

  test('is for browsers: programs get the text they always got', async () => {
    const { see, registry } = await scene();
    const [page, text, head] = [await see('/'), await see('/', { accept: '*/*' }), await see('/', {}, 'HEAD')];
    expect([page.status, page.header('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect([text.status, text.header('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(text.text).toContain('docker pull <this host>/<image>');
    expect([head.status, head.header('content-length'), head.text]).toEqual([200, String(page.body.length), '']);
    expect(page.text).toContain(registry.authority);
    for (const reply of [page, text]) {
      expect(reply.header('vary')).toBe('accept, accept-language');
      expect(reply.header('cache-control')).toBe('no-store');
    }
    expect(registry.requests).toEqual([]);
  });

  test.each(['text/html', '*/*'])('does not tell the secret of a far instance: %s', async (accept) => {
    const word = `s${randomBytes(12).toString('hex')}`;
    const far = await stage.registry({ basePath: `/${word}` });
    const proxy = await stage.proxy(far.url);
    const page = await ask(proxy.url, { headers: { accept } });
    expect(page.text).toContain(far.authority);
    expect([page.text, JSON.stringify(proxy.logs())].filter((text) => text.includes(word))).toEqual([]);
  });

  test('has an icon, and asks to be in no index', async () => {
    const { see } = await scene();
    const [icon, robots] = [await see('/favicon.ico'), await see('/robots.txt')];
    expect([icon.status, icon.header('content-type')]).toEqual([200, 'image/svg+xml']);
    expect([robots.status, robots.text]).toEqual([200, 'User-agent: *\nDisallow: /\n']);
  });

  test('lets a browser run nothing but its own script and style, and no other site look in', async () => {
    const { see } = await scene();
    for (const path of ['/', '/?image=team/app:v1', '/?image=team/app:none']) {
      const page = await see(path, { origin: 'https://evil.example' });
      const digests = (tag: string) =>
        [...page.text.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map(
          ([, text]) =>
            `'sha256-${createHash('sha256')
              .update(text as string)
              .digest('base64')}'`,
        );
      const [[style], [script]] = [digests('style'), digests('script')];
      expect([digests('style').length, digests('script').length]).toEqual([1, 1]);
      expect(page.header('content-security-policy')).toBe(
        `default-src 'none'; style-src ${style}; script-src ${script}; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      );
      expect(page.text).not.toMatch(/\son\w+=|\sstyle=|javascript:|<(iframe|object|embed|link(?! rel="icon"))/i);
      expect(page.text.match(/(src|href|action)="(https?:)?\/\//)).toBeNull();
      expect(page.header('access-control-allow-origin')).toBeUndefined();
      expect(page.header('x-content-type-options')).toBe('nosniff');
      expect(page.header('referrer-policy')).toBe('no-referrer');
      expect(page.header('cross-origin-opener-policy')).toBe('same-origin');
    }
  });

  test('shows what is in an image, and how it is pulled from here', async () => {
    const { see, image, proxy } = await scene();
    const page = await see('/?image=team/app:v1');
    expect(page.status).toBe(200);
    expect(page.text).toContain(`<code id="digest">${image.manifest.digest}</code>`);
    for (const { digest } of image.layers) expect(page.text).toContain(`title="${digest}"`);
    expect(page.text).toContain('linux/amd64');
    expect(page.text).toContain('70.0\u00a0kB');
    expect(page.text).toContain(`docker pull ${new URL(proxy.url).host}/team/app:v1`);
  });

  test('says in the language of the reader why there is nothing to show, and says the status', async () => {
    const { see } = await scene();
    const missing = await see('/?image=team/app:none');
    expect([missing.status, missing.header('content-language')]).toEqual([404, 'en']);
    expect(missing.text).toContain('There is no such image');
    const chinese = await see('/?image=team/app:none', { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' });
    expect([chinese.status, chinese.header('content-language')]).toEqual([404, 'zh-CN']);
    expect(chinese.text).toContain('<html lang="zh-CN">');
    expect(chinese.text).toContain('没有这个镜像');
    const kept = await see('/?image=team/app:none&lang=en', { 'accept-language': 'zh' });
    expect(kept.text).toContain('There is no such image');
    expect(kept.text).toContain('<input type="hidden" name="lang" value="en">');
    const { see: seeHub } = await scene(HUB);
    const unserved = await seeHub('/?image=quay.io/a/b');
    expect([unserved.status, /This registry is not served here/.test(unserved.text)]).toEqual([404, true]);
  });

  test('passes on that it is too early, and that a registry is gone', async () => {
    const { see, registry } = await scene();
    registry.answer(
      /manifests\/v1/,
      429,
      { 'retry-after': '77' },
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}',
    );
    const early = await see('/?image=team/app:v1');
    expect([early.status, early.header('retry-after')]).toEqual([429, '77']);
    expect(early.text).toContain('Try again in 77 seconds.');
    const { see: seeGone, registry: broken } = await scene({ RETRY_TIMEOUT: '100ms' });
    broken.answer(/manifests\/v1/, 500, {}, 'broken');
    const gone = await seeGone('/?image=team/app:v1');
    expect(gone.status).toBeGreaterThanOrEqual(500);
    expect(gone.text).toContain('The registry does not answer as it should');
  });

  test('searches on a press of the button, for what is no name of an image, and by link', async () => {
    const search = await stage.search([
      ...HITS,
      { ...HITS[0], name: '<b>x</b>', description: '"><script>alert(1)</script>' } as never,
    ]);
    const { see } = await scene({ ...HUB, SEARCH_BACKEND: search.url });
    for (const query of ['?search=nginx', '?image=nginx&search=', '?image=Nginx+Web']) {
      const page = await see(`/${query}`);
      expect(page.status).toBe(200);
      expect(page.text).toContain(`?image=${encodeURIComponent((HITS[0] as { name: string }).name)}"`);
      expect(page.text).not.toContain('<script>alert');
      expect(page.text).not.toContain('<b>x');
    }
  });

  test('says what is no name of an image where nothing can be searched', async () => {
    const { see } = await scene({ SEARCH_BACKEND: 'none' });
    const page = await see('/?image=Nginx+%3Cscript%3Ealert(1)%3C/script%3E');
    expect([page.status, /This is no name of an image/.test(page.text)]).toEqual([400, true]);
    expect(page.text).toContain('value="Nginx &lt;script&gt;alert(1)&lt;/script&gt;"');
    expect(page.text).not.toContain('<script>alert');
    expect(page.text).not.toContain('name="search"');
  });

  test('asks for a registry’s own login where that is wished, over TLS alone, and shows an image to whoever has it', async () => {
    const tokens = await stage.tokens({ privateRepositories: ['team/app'] });
    const { see, image } = await scene({}, { auth: { kind: 'bearer', tokens } });
    const secure = { 'x-forwarded-proto': 'https' };
    const stranger = await see('/?image=team/app:v1', secure);
    expect([stranger.status, stranger.header('www-authenticate')]).toEqual([403, undefined]);
    expect(stranger.text).toContain('href="?image=team%2Fapp%3Av1&amp;login="');
    const asked = await see('/?image=team/app:v1&login=', secure);
    expect([asked.status, asked.header('www-authenticate')]).toEqual([401, expect.stringMatching(/^Basic realm="127/)]);
    expect(asked.text).toContain('This needs a login');
    expect(stranger.text + asked.text).not.toContain(image.manifest.digest);
    const plain = await see('/?image=team/app:v1&login=');
    expect([plain.status, plain.header('www-authenticate'), plain.text.includes('&amp;login=')]).toEqual([
      403,
      undefined,
      false,
    ]);
    const known = { authorization: basic('alice', USERS.alice) };
    const shown = await see('/?image=team/app:v1', { ...secure, ...known });
    expect([shown.status, shown.text.includes(image.manifest.digest)]).toEqual([200, true]);
    const wrong = await see('/?image=team/app:v1&login=', { ...secure, authorization: basic('alice', randomUUID()) });
    expect([wrong.status, wrong.header('www-authenticate') !== undefined]).toEqual([401, true]);
  });

  describe('behind a gate', () => {
    const password = makePassword();
    const users = { HTPASSWD: `alice:${hashPassword(password)}`, REGISTRIES: 'ghcr.io' };
    const secret = randomBytes(12).toString('hex');

    test('names no registry to strangers, and all of them to whoever logs in', async () => {
      const { see } = await scene(users);
      const stranger = await see('/');
      expect([stranger.status, stranger.text.includes('ghcr.io/…')]).toEqual([200, false]);
      const asked = await see('/?login=');
      expect([asked.status, asked.header('www-authenticate')]).toEqual([401, 'Basic realm="registry-proxy"']);
      const wrong = await see('/', { authorization: basic('alice', randomUUID()) });
      expect([wrong.status, wrong.text.includes('ghcr.io/…')]).toEqual([401, false]);
      const known = await see('/', { authorization: basic('alice', password) });
      expect([known.status, known.text.includes('ghcr.io/…')]).toEqual([200, true]);
    });

    test('shows an image to users, and asks others for a login', async () => {
      const { see, image } = await scene(users);
      const stranger = await see('/?image=team/app:v1');
      expect(stranger.status).toBe(401);
      expect(stranger.header('www-authenticate')).toBe('Basic realm="registry-proxy"');
      expect(stranger.text).not.toContain(image.manifest.digest);
      const known = await see('/?image=team/app:v1', { authorization: basic('alice', password) });
      expect([known.status, known.text.includes(image.manifest.digest)]).toEqual([200, true]);
    });

    test('is nothing but a plain page for whoever does not know the secret', async () => {
      const { see, registry, image } = await scene({ ACCESS_SECRET: secret });
      for (const path of [
        '/',
        '/?image=team/app:v1',
        '/?search=x',
        `/?image=${'a'.repeat(24)}/team/app:v1`,
        '/?login=',
      ]) {
        const page = await see(path);
        expect(page.status).toBe(200);
        expect(page.text).not.toMatch(/docker|registry|proxy|<form|<script|team/i);
      }
      expect(registry.requests).toEqual([]);
      for (const mount of [`/${secret}`, `/${secret}/`]) {
        const home = await see(mount);
        expect([home.status, home.text.includes('<form')]).toEqual([200, true]);
        const page = await see(`${mount}?image=team/app:v1`);
        expect([page.status, page.text.includes(image.manifest.digest)]).toEqual([200, true]);
        // Who looks over a shoulder, or is sent a picture, does not get it.
        expect(home.text + page.text).not.toContain(secret);
        expect((await see(`/${secret}?image=${secret}/team/app:none`)).text).not.toContain(secret);
      }
    });

    test('is there for holders of a secret in the host’s name, too', async () => {
      const { see } = await scene({ ACCESS_SECRET: secret });
      const page = await see('/', { host: `${secret}.r.example.com` });
      expect([page.status, page.text.includes('<form'), page.text.includes(secret)]).toEqual([200, true, false]);
      expect(page.text).toContain('<h1>r.example.com</h1>');
    });
  });

  test('holds no secret of the configuration', async () => {
    const [admin, metrics, upstream] = [randomUUID(), randomUUID(), randomUUID()];
    const secrets = [admin, metrics, upstream, Buffer.from(`bot:${upstream}`).toString('base64')];
    const { see } = await scene({
      ...{ ADMIN_TOKEN: admin, METRICS_TOKEN: metrics, LANDING_PAGE_STATE: 'true' },
      ...{ REGISTRY_USERNAME: 'bot', REGISTRY_PASSWORD: upstream, ANONYMOUS_PULL: 'true' },
    });
    for (const path of ['/', '/?image=team/app:v1', '/?image=team/app:none', '/?image=%3C', '/?search=a']) {
      const page = await see(path);
      const all = page.text + JSON.stringify(page.headers);
      expect(secrets.filter((each) => all.includes(each))).toEqual([]);
    }
  });

  test('counts for RATE_LIMIT where it asks for something, and is for allowed clients alone', async () => {
    const { see } = await scene({ RATE_LIMIT: '1/h burst 2', SEARCH_BACKEND: 'none' });
    const status = async (path: string) => (await see(path)).status;
    expect([await status('/'), await status('/'), await status('/?image=%3C'), await status('/?image=%3C')]).toEqual([
      ...[200, 200, 400, 400],
    ]);
    const late = await see('/?image=team/app:v1');
    expect([late.status, Number(late.header('retry-after')) > 60]).toEqual([429, true]);
    expect(late.text).toContain('Too many requests');
    const { see: seeOther } = await scene({ ALLOW_CLIENTS: '192.0.2.1' });
    expect([(await seeOther('/')).status, (await seeOther('/robots.txt')).status]).toEqual([403, 403]);
  });

  test('is not there with DISABLE_LANDING_PAGE, for nobody', async () => {
    const { see } = await scene({ DISABLE_LANDING_PAGE: 'true', HANDLE_REDIRECT: 'true' });
    for (const accept of ['text/html', '*/*']) expect((await see('/', { accept })).status).toBe(404);
    expect((await see('/?image=team/app:v1')).status).toBe(404);
    expect((await see('/favicon.ico')).status).toBe(404);
  });
});
