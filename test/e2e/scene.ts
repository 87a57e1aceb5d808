import { type RealImage, type RealIndex, realImage, realIndex } from './images';
import { accounts, basicUser } from './upstream/accounts';
import { createWorld, type RunningProxy, type World } from './world';

/** A world with images in it and proxies before it. */
export interface Scene {
  world: World;
  images: Images;
  /** Redirects are followed by the proxy: all a client ever sees is the proxy. */
  follow: RunningProxy;
}

export interface Images {
  nginx: RealIndex;
  multi: RealIndex;
  big: RealImage;
  private: RealImage;
  app: RealIndex;
}

export function loginOf(user: string, password: string) {
  return { user, password, pair: `${user}:${password}` };
}

export const alice = loginOf('alice', accounts.alice.password);
export const bob = loginOf('bob', accounts.bob.password);
export const carol = loginOf('carol', accounts.carol.password);
export const basicLogin = loginOf(basicUser.user, basicUser.password);

export const hub = { HANDLE_REDIRECT: 'true' };

let images: Images | undefined;

function makeImages(): Images {
  images ??= {
    nginx: realIndex('nginx', [300_000, 6_000_000]),
    multi: realIndex('multi', [400_000], 'oci'),
    big: realImage('big', [1_000, 60 << 20], 'oci'),
    private: realImage('private', [50_000]),
    app: realIndex('app', [300_000], 'oci'),
  };
  return images;
}

export async function createScene(): Promise<Scene> {
  const world = await createWorld();
  const made = makeImages();
  world.hub.putIndex('library/nginx', 'latest', made.nginx);
  world.hub.putIndex('library/nginx', '1.27', made.nginx);
  world.hub.putIndex('acme/multi', '1', made.multi);
  world.hub.putImage('acme/big', '1', made.big);
  world.hub.putImage('acme/private', '1', made.private);
  world.ghcr.putIndex('owner/app', '1', made.app);
  world.ghcr.putImage('owner/private', '1', made.private);
  world.plain.putImage('team/tool', '1', made.private);
  const [follow] = await Promise.all([world.startProxy('follow.example.com', hub), world.startFront()]);
  return { world, images: made, follow };
}

/** Held after every case: what no case may do, whatever it is about. */
export function expectNoHarm(scene: Scene | undefined): void {
  if (!scene) return;
  expect(scene.world.seen().filter(({ accusation }) => accusation)).toEqual([]);
}

/** Held at the end: the proxy ends cleanly, and its log kept every secret, these too. */
export async function expectCleanEnd(proxies: Iterable<RunningProxy>, more: readonly string[] = []): Promise<void> {
  for (const proxy of proxies) {
    expect([proxy.name, await proxy.stop()]).toEqual([proxy.name, 0]);
    const log = proxy.rawLog();
    const users = [basicUser, ...Object.entries(accounts).map(([user, { password }]) => ({ user, password }))];
    const logins = users.flatMap(({ user, password }) => [
      password,
      Buffer.from(`${user}:${password}`).toString('base64'),
    ]);
    const secrets = [...logins, ...more, 'refresh-carol', 'eyJ', ...(log.match(/X-Amz-Signature=[0-9a-f]+/g) ?? [])];
    expect(log.split('\n').filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
    expect(proxy.log().filter(({ msg }) => /unhandled|uncaught/.test(msg))).toEqual([]);
  }
}

/** The end of a scene: what `expectCleanEnd` holds, and an end of its world whatever that finds. */
export async function endScene(
  scene: Scene | undefined,
  proxies: Iterable<RunningProxy>,
  secrets: readonly string[] = [],
): Promise<void> {
  try {
    await expectCleanEnd(proxies, secrets);
  } finally {
    await scene?.world.stop();
  }
}
