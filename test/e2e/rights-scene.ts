import { basicLogin, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { expectNoAccount, expectOnlyRobot, robot, startTapped, type Tapped, userSecrets, writeUsers } from './users';

/** Users with rights of their own, and the same where everybody may pull. */
export const HOST = 'rights.example.com';
export const OPEN = 'anyone.example.com';

const ACCESS = `
  ann: push team/**, acme/**, basic.example.org/team/**
  ann: delete team/mine/**
  ben: push own/**
  *: pull docker.io/library/*, team/**`;

export const MAY_NOT_PUSH = /denied: ben may not push here/i;

export interface RightsScene extends Scene {
  proxies: Tapped[];
  /** Status of each mount that Docker Hub was asked for. */
  mounts(): number[];
  /** Status of each mount from a repository that a proxy was asked for. */
  mountsAsked(source: string): (number | undefined)[];
}

export async function createRightsScene(): Promise<RightsScene> {
  const scene = await createScene();
  const { world } = scene;
  const HTPASSWD_FILE = await writeUsers(world);
  const account = { username: basicLogin.user, password: basicLogin.password };
  const REGISTRIES = JSON.stringify({ 'basic.example.org': account });
  const proxies = [
    await startTapped(world, HOST, { ...robot, HTPASSWD_FILE, ACCESS, REGISTRIES }),
    await startTapped(world, OPEN, { ...robot, HTPASSWD_FILE, ACCESS, ANONYMOUS_PULL: 'true' }),
  ];
  return {
    ...scene,
    proxies,
    mounts() {
      const seen = world.seen('registry-1.docker.io').filter(({ url }) => url.includes('mount='));
      return seen.map(({ status }) => status);
    },
    mountsAsked(source) {
      const lines = proxies.flatMap((proxy) => proxy.log());
      const asked = lines.filter(({ path }) => decodeURIComponent(path ?? '').includes(`from=${source}`));
      return asked.map(({ status }) => status);
    },
  };
}

export async function beginCase({ world }: RightsScene): Promise<void> {
  world.forget();
  // What was pushed is remembered by podman and skopeo, and would be mounted instead of uploaded the next time.
  await world.ok(['rm', '-rf', '/var/lib/containers/cache']);
}

export function endCase(scene: RightsScene | undefined): void {
  expectNoHarm(scene);
  expectOnlyRobot(scene?.world);
}

export async function endRightsScene(scene: RightsScene | undefined): Promise<void> {
  try {
    if (scene) expectNoAccount(scene.proxies);
  } finally {
    await endScene(scene, scene ? [scene.follow, ...scene.proxies] : [], userSecrets);
  }
}
