import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProxyName, proxies } from './addresses';
import { bundle, layerNode, project } from './prepare';
import { basicLogin, loginOf } from './scene';
import { accounts } from './upstream/accounts';
import { type RunningProxy, type RunOptions, until, type World } from './world';

const secret = () => randomBytes(9).toString('hex');

/** Users of the proxy's own, whom no registry knows. */
export const ann = loginOf('ann', secret());
/** With a password that clients have to carry with care. */
export const ben = loginOf('ben', `${secret()}:ü`);

/** What no log of a proxy may hold. */
export const userSecrets = [ann, ben].flatMap(({ password, pair }) => [password, Buffer.from(pair).toString('base64')]);

/** The account at Docker Hub that the proxy alone knows. */
export const robot = {
  REGISTRY_USERNAME: 'robot',
  REGISTRY_PASSWORD: (accounts.robot as (typeof accounts)[string]).password,
  HANDLE_REDIRECT: 'true',
};

/** A file of users in which one line is of our own making, and the others are Apache's. */
export async function writeUsers(world: World, more: { user: string; password: string }[] = []): Promise<string> {
  const file = join(world.folder, 'users');
  await world.ok([layerNode(), bundle, 'htpasswd', ann.user, file], { input: `${ann.password}\n` });
  const others = [ben, ...more].map(({ user, password }) => `${user} ${password}\n`);
  const add = 'while read -r user password; do htpasswd -iBC 10 "$0" "$user" <<< "$password"; done';
  await world.ok(['bash', '-euo', 'pipefail', '-c', add, file], { input: others.join('') });
  return file;
}

export interface Tapped extends RunningProxy {
  /** All that clients have been told. */
  said(): Buffer;
}

/** A proxy all of whose answers are kept. */
export async function startTapped(world: World, name: ProxyName, env: Record<string, string>): Promise<Tapped> {
  const file = join(world.folder, 'log', `${name}.said`);
  const port = proxies[name];
  const behind = port + 1000;
  const proxy = await world.startProxy(name, { ...env, PORT: String(behind) });
  const tap = join(project, 'test/e2e/tap.mjs');
  const daemon = world.daemon(`${name}-tap`, [process.execPath, tap, String(port), String(behind), file]);
  await until(`the tap of ${name} listens`, daemon, () => daemon.log().includes('ready'));
  return { ...proxy, said: () => (existsSync(file) ? readFileSync(file) : Buffer.alloc(0)) };
}

/** Whoever asked a proxy, its registries were asked by its own accounts, and heard of nobody else. */
export function expectOnlyRobot(world: World | undefined): void {
  const seen = world?.seen() ?? [];
  const logins = new Set(seen.flatMap(({ login, host }) => (login === undefined ? [] : [`${login} at ${host}`])));
  const known = ['robot at auth.docker.io', `${basicLogin.user} at basic.example.org`];
  expect([...logins].filter((login) => !known.includes(login))).toEqual([]);
  expect(seen.filter(({ url, method }) => url.startsWith('/token') && method !== 'GET')).toEqual([]);
  expect(JSON.stringify(seen)).not.toMatch(/\b(ann|ben)\b/);
}

/** No client was told what opens the registries to the proxy. */
export function expectNoAccount(tapped: Iterable<Tapped>): void {
  const { REGISTRY_USERNAME, REGISTRY_PASSWORD } = robot;
  const hidden = [
    REGISTRY_PASSWORD,
    Buffer.from(`${REGISTRY_USERNAME}:${REGISTRY_PASSWORD}`).toString('base64'),
    basicLogin.password,
    Buffer.from(basicLogin.pair).toString('base64'),
    // How every token of the imitated token servers begins.
    Buffer.from('{"typ":"JWT"').toString('base64url'),
  ];
  const told = [...tapped].map(({ name, said }) => ({ name, said: said() }));
  expect(told.map(({ name, said }) => [name, hidden.filter((text) => said.includes(text))])).toEqual(
    told.map(({ name }) => [name, []]),
  );
  expect(told.some(({ said }) => said.length > 0)).toBe(true);
}

/** Behind the border, with a folder and logins that no other client looks at. */
export function apart(world: World, client: string): RunOptions & { cwd: string } {
  const cwd = join(world.folder, 'tmp', client);
  const logins = join(world.folder, 'home', client);
  mkdirSync(cwd, { recursive: true });
  mkdirSync(logins, { recursive: true });
  const auth = join(logins, 'auth.json');
  if (!existsSync(auth)) writeFileSync(auth, '{}');
  return {
    border: true,
    cwd,
    env: { DOCKER_CONFIG: logins, REGISTRY_AUTH_FILE: auth, HELM_REGISTRY_CONFIG: join(logins, 'helm.json') },
  };
}

/** Docker checks certificates: an insecure registry would be asked without TLS, too, and other words come of it. */
export const SECURE = '192.0.2.0/24';

export const skopeo = (...command: string[]) => ['skopeo', '--insecure-policy', ...command];
