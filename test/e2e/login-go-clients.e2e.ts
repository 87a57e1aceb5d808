import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { payload } from '../upstream/image';
import { fileDigest } from './clients';
import {
  beginCase,
  createRightsScene,
  endCase,
  endRightsScene,
  HOST,
  MAY_NOT_PUSH,
  OPEN,
  type RightsScene,
} from './rights-scene';
import { ann, apart, ben } from './users';
import { hasClient, type World } from './world';

let scene: RightsScene;
let world: World;

beforeAll(async () => {
  scene = await createRightsScene();
  world = scene.world;
}, 120_000);

beforeEach(() => beginCase(scene));

afterEach(() => endCase(scene));

afterAll(() => endRightsScene(scene));

(hasClient('crane') ? test.each([HOST, OPEN]) : test.skip.each([HOST]))('crane at %s', async (host) => {
  const label = host.split('.')[0] as string;
  const options = apart(world, `${label}-crane`);
  const crane = (...command: string[]) => ['crane', ...command];
  const login = ({ user, password }: typeof ann) =>
    world.ok(crane('auth', 'login', '-u', user, '-p', password, host), options);
  const copy = (name: string) => crane('copy', `${host}/library/nginx`, `${host}/${name}:1`);
  const anonymous = copy('team/refused');
  expect(await world.fails(anonymous, options)).toMatch(/UNAUTHORIZED: log in first/);
  if (host === OPEN) await world.ok(crane('validate', '--remote', `${host}/acme/private:1`), options);
  await login(ann);
  await world.ok(copy(`team/mine/${label}-crane`), options);
  world.hub.verify(`team/mine/${label}-crane`, '1');
  expect(new Set(scene.mounts())).toEqual(new Set([201]));
  const found = `${host}/team/mine/${label}-crane@${scene.images.nginx.index.digest}`;
  await login(ben);
  expect(await world.fails(copy('team/refused'), options)).toMatch(/DENIED: ben may not push here/);
  expect(await world.fails(crane('delete', found), options)).toMatch(/DENIED: ben may not delete here/);
  await login(ann);
  await world.ok(crane('delete', found), options);
  expect(world.hub.tags(`team/mine/${label}-crane`)).toEqual([]);
});

(hasClient('oras') ? test.each([HOST, OPEN]) : test.skip.each([HOST]))('oras at %s', async (host) => {
  const label = host.split('.')[0] as string;
  const options = apart(world, `${label}-oras`);
  const artifact = `team/${label}-artifact`;
  writeFileSync(join(options.cwd, 'model.bin'), payload(3_000_000, 7));
  const oras = (...command: string[]) => world.ok(['oras', ...command], options);
  const login = ({ user, password }: typeof ann) => oras('login', '-u', user, '-p', password, host);
  const push = (name: string) => ['oras', 'push', `${host}/${name}:1`, 'model.bin'];
  await world.fails(push('team/refused'), options);
  await login(ann);
  await oras(...push(artifact).slice(1));
  world.hub.verify(artifact, '1');
  expect(await oras('cp', `${host}/${artifact}:1`, `${host}/${artifact}-copied:1`)).toMatch(/Mounted/);
  world.hub.verify(`${artifact}-copied`, '1');
  await login(ben);
  expect(await world.fails(push('team/refused'), options)).toMatch(MAY_NOT_PUSH);
  if (host === OPEN) await oras('logout', host);
  await oras('pull', '-o', 'pulled', `${host}/${artifact}:1`);
  expect(fileDigest(join(options.cwd, 'pulled/model.bin'))).toBe(fileDigest(join(options.cwd, 'model.bin')));
});

(hasClient('helm') ? test : test.skip)('helm: a chart that is pushed by one user and pulled by another', async () => {
  const options = apart(world, 'helm');
  const helm = (...command: string[]) => world.ok(['helm', ...command], options);
  const login = ({ user, password }: typeof ann) => helm('registry', 'login', '-u', user, '-p', password, HOST);
  const chart = `oci://${HOST}/team/private`;
  const pull = ['helm', 'pull', `${chart}/chart`, '--version', '0.1.0', '-d', 'pulled'];
  const push = ['helm', 'push', 'chart-0.1.0.tgz', chart];
  await helm('create', 'chart');
  await helm('package', 'chart');
  expect(await world.fails(push, options)).toMatch(/credential|unauthorized/);
  await login(ann);
  await helm(...push.slice(1));
  world.hub.verify('team/private/chart', '0.1.0');
  await helm('registry', 'logout', HOST);
  await world.ok(['mkdir', 'pulled'], options);
  expect(await world.fails(pull, options)).toMatch(/credential|unauthorized/);
  await login(ben);
  expect(await world.fails(push, options)).toMatch(MAY_NOT_PUSH);
  await helm(...pull.slice(1));
  expect(fileDigest(join(options.cwd, 'pulled/chart-0.1.0.tgz'))).toBe(
    fileDigest(join(options.cwd, 'chart-0.1.0.tgz')),
  );
});
