import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openSight, overflowOf, type Sight, startBrowser, violationsOn } from './browser';
import { expectInFolder, expectInPodman, podmanAt } from './clients';
import type { RealImage } from './images';
import { alice, createScene, endScene, expectNoHarm, hub, type Scene } from './scene';
import { ann, robot, userSecrets, writeUsers } from './users';
import { startWorker } from './workers';
import type { RunningProxy, World } from './world';

const NODE = 'follow.example.com';
const WORKER = 'worker.example.com';
const SEEN = 'many.example.com';
const behind = { border: true };
const secrets = { ADMIN_TOKEN: randomUUID(), METRICS_TOKEN: randomUUID() };

let scene: Scene;
let world: World;
let browser: Browser;
let nginx: RealImage;
let nginxDigest: string;
let sight: Sight | undefined;
const proxies: RunningProxy[] = [];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  const HTPASSWD_FILE = await writeUsers(world);
  proxies.push(
    scene.follow,
    await world.startProxy(SEEN, { ...hub, ...secrets, REGISTRIES: 'ghcr.io', LANDING_PAGE_STATE: 'true' }),
    await world.startProxy('users.example.com', { ...robot, HTPASSWD_FILE }),
    await startWorker(world, WORKER, { env: hub }),
  );
  browser = await startBrowser(world);
}, 240_000);

beforeEach(() => world.forget());

afterEach(async () => {
  const faults = sight?.faults ?? [];
  await sight?.close();
  sight = undefined;
  expect(faults).toEqual([]);
  expectNoHarm(scene);
});

afterAll(async () => {
  await browser?.close();
  await endScene(scene, proxies, [...userSecrets, ...Object.values(secrets)]);
});

async function visit(host: string, path = '/', options: BrowserContextOptions = {}): Promise<Page> {
  const origin = `https://${host}`;
  sight = await openSight(browser, origin, options);
  await sight.page.goto(origin + path);
  return sight.page;
}

async function look(page: Page, image: string): Promise<void> {
  await page.getByRole('textbox').fill(image);
  await page.getByRole('button', { name: /^(Look up|查看)$/ }).click();
  await page.waitForURL(/[?&]image=/);
}

/** Presses the button beside what begins so, and reads what is on the clipboard then. */
async function copy(page: Page, client: string, start: string): Promise<string> {
  await page.getByText(client, { exact: true }).first().click();
  const code = page.locator('.code', { has: page.locator('code', { hasText: start }) }).filter({ visible: true });
  await code.first().getByRole('button').click();
  await page.locator('#said', { hasText: 'Copied' }).waitFor({ state: 'attached' });
  return page.evaluate('navigator.clipboard.readText()');
}

describe.each([
  ['Node', NODE],
  ['the Worker', WORKER],
])('the page of %s', (name, host) => {
  test('an image is typed, its platforms are seen, and skopeo runs the command that was copied', async () => {
    const page = await visit(host);
    await look(page, 'nginx:1.27');
    expect(await page.locator('#digest').textContent()).toBe(nginxDigest);
    expect(await page.locator('.platform .name').allTextContents()).toEqual(['linux/amd64', 'linux/arm64']);
    await page.locator('.platform summary').nth(1).click();
    const other = scene.images.nginx.images[1] as RealImage;
    const layers = page.locator('.platform').nth(1).locator('.digest');
    expect(await layers.evaluateAll((all) => all.map((each) => each.getAttribute('title')))).toEqual(
      other.layers.map(({ digest }) => digest),
    );
    const command = await copy(page, 'skopeo', 'skopeo copy');
    expect(command).toBe(`skopeo copy --all docker://${host}/library/nginx:1.27 dir:nginx`);
    const cwd = join(world.folder, 'tmp', name.replace(' ', '-'));
    await world.ok(['mkdir', '-p', cwd]);
    await world.ok(['sh', '-c', command], { ...behind, cwd });
    expectInFolder(join(cwd, 'nginx'), scene.images.nginx);
  });

  test('podman pulls as it is told to: the file that was copied, then the command', async () => {
    const page = await visit(host, '/?image=nginx');
    const file = await copy(page, 'podman', '[[registry]]');
    const caption = page.locator('.panel figcaption').filter({ visible: true }).first();
    const path = ((await caption.textContent()) ?? '').match(/\/etc\S+\.conf/)?.[0] as string;
    await world.ok(['mkdir', '-p', join(path, '..')]);
    await world.ok(['tee', path], { input: file });
    const command = await copy(page, 'podman', 'podman pull docker.io');
    const { podman } = podmanAt(world, `page-${host.length}`);
    await world.ok([...podman, ...command.split(' ').slice(1)], behind);
    await expectInPodman(world, podman, 'docker.io/library/nginx', nginx, nginxDigest);
    await world.ok(['rm', path]);
  });

  test('works the same without a script, and shows no button that needs one', async () => {
    const page = await visit(host, '/', { javaScriptEnabled: false });
    await look(page, 'nginx');
    expect(await page.locator('#digest').textContent()).toBe(nginxDigest);
    expect(await page.locator('.copy:visible').count()).toBe(0);
    await page.getByText('containerd', { exact: true }).first().click();
    await page.getByText(`[host."https://${host}"]`).waitFor();
    expect(await page.getByText('docker pull', { exact: false }).filter({ visible: true }).count()).toBe(0);
  });

  test('searches, and leads from what was found to the image', async () => {
    const page = await visit(host);
    await page.getByRole('textbox').fill('nginx');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: 'nginx', exact: true }).click();
    expect(await page.locator('#digest').textContent()).toBe(nginxDigest);
  });
});

const states = [
  ['empty', '/'],
  ['an image', '/?image=nginx'],
  ['a search', '/?search=nginx'],
  ['an error', '/?image=acme/none'],
  ['no name', '/?image=Ng%20x&lang=zh'],
] as const;

describe.each(states)('the page, %s', (_, path) => {
  test.each([
    ['light', 1600, 'en-US'],
    ['dark', 1024, 'zh-CN'],
    ['light', 360, 'zh-CN'],
    ['dark', 360, 'en-US'],
  ] as const)('%s, %d pixels wide, %s: nothing is against WCAG, nothing is too wide', async (theme, width, locale) => {
    const page = await visit(SEEN, path, { colorScheme: theme, viewport: { width, height: 800 }, locale });
    const language = path.includes('lang=zh') || locale === 'zh-CN' ? 'zh-CN' : 'en';
    expect(await page.locator('html').getAttribute('lang')).toBe(language);
    const isDark = await page.evaluate(`getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 128`);
    expect(isDark).toBe(theme === 'dark');
    expect(await overflowOf(page)).toBe(0);
    expect(await violationsOn(page)).toEqual([]);
    for (const client of await page.locator('.tabs label').all()) {
      await client.click();
      expect(await overflowOf(page)).toBe(0);
    }
    expect(await violationsOn(page)).toEqual([]);
  });
});

test('everything can be reached and used by keys alone', async () => {
  const page = await visit(SEEN);
  const focused = () =>
    page.evaluate(`document.activeElement.id || document.activeElement.textContent.trim()`) as Promise<string>;
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Skip to content');
  for (let presses = 0; presses < 12 && (await focused()) !== 'image'; presses++) await page.keyboard.press('Tab');
  await page.keyboard.type('nginx');
  await page.keyboard.press('Enter');
  await page.locator('#digest').waitFor();
  for (let presses = 0; presses < 30 && (await focused()) !== 'as-docker'; presses++) await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  expect(await focused()).toBe('as-containerd');
  await page.getByText('hosts.toml').filter({ visible: true }).first().waitFor();
  for (let presses = 0; presses < 4 && (await focused()) !== 'Copy'; presses++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('#said', { hasText: 'Copied' }).waitFor({ state: 'attached' });
  expect(await page.evaluate('navigator.clipboard.readText()')).toContain('config_path = "/etc/containerd/certs.d"');
});

test('the language of the browser, and the one that was chosen after it', async () => {
  const page = await visit(SEEN, '/', { locale: 'zh-CN' });
  await page.getByRole('button', { name: '查看' }).waitFor();
  await page.getByRole('link', { name: 'English' }).click();
  await look(page, 'nginx');
  expect(new URL(page.url()).searchParams.get('lang')).toBe('en');
  await page.getByRole('link', { name: '中文' }).click();
  await page.getByRole('heading', { name: '拉取该镜像' }).waitFor();
  expect(await page.locator('#digest').textContent()).toBe(nginxDigest);
});

test('a private image: the browser asks for a login, and shows it to whoever has one', async () => {
  const stranger = await visit(NODE, '/?image=acme/private:1');
  await stranger.getByText('This needs a login').waitFor();
  expect(await stranger.locator('#digest').count()).toBe(0);
  await sight?.close();
  const login = { username: alice.user, password: alice.password };
  const page = await visit(NODE, '/?image=acme/private:1', { httpCredentials: login });
  await page.getByRole('link', { name: 'Log in with an account of the registry' }).click();
  expect(await page.locator('#digest').textContent()).toBe(scene.images.private.manifest.digest);
});

test('users of the proxy log in, and see its registries then', async () => {
  const stranger = await visit('users.example.com');
  expect(await stranger.getByText('users.example.com/…').count()).toBe(0);
  await sight?.close();
  const page = await visit('users.example.com', '/?login', {
    httpCredentials: { username: ann.user, password: ann.password },
  });
  expect(await page.getByText('users.example.com/…').count()).toBe(1);
  await look(page, 'nginx');
  expect(await page.locator('#digest').textContent()).toBe(nginxDigest);
});

test('no secret is on a page, whatever it shows', async () => {
  const page = await visit(SEEN);
  for (const [, path] of states) {
    await page.goto(`https://${SEEN}${path}`);
    const content = await page.content();
    expect(Object.values(secrets).filter((each) => content.includes(each))).toEqual([]);
  }
});
