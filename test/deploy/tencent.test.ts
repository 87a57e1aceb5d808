import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readConfig } from '../../src/core/config';
import { settings } from '../../src/core/settings';
import { packageInto, startFunction } from '../edges/function';
import { MAX_SECONDS } from '../scf-gateway/edge';
import { root } from '../tools/sources';
import {
  faultsOf,
  folder,
  MAX_ENVIRONMENT_BYTES,
  manifest,
  readManifest,
  type WebFunction,
  withOptions,
} from './serverless-yml';
import { unzip } from './zip';

const text = readFileSync(manifest, 'utf8');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const settingNames = new Set<string>(settings.map(({ name }) => name));
const written = readManifest();
const all = readManifest(withOptions(text));
const environment = written.inputs.environment.variables;

describe('serverless.yml', () => {
  it('fits what the component takes, as it is and with every block switched on that it offers as a comment', () => {
    expect(faultsOf(written)).toEqual([]);
    expect(faultsOf(all)).toEqual([]);
    expect(all.inputs).toMatchObject({ role: expect.any(String), cls: { topicId: expect.any(String) } });
    expect(Object.keys(all.inputs.environment.variables)).toEqual(expect.arrayContaining(['CACHE', 'PUBLIC_URL']));
  });

  it('gives a request all the time there is', () => {
    expect(written.inputs.timeout).toBe(MAX_SECONDS);
  });

  it('packages in the project root with Node.js alone, and hands on the folder where that leaves the code', () => {
    const { src, hook, dist } = written.inputs.src;
    expect(resolve(folder, src)).toBe(root);
    const steps = hook.split(' && ').map((step) => step.split(' '));
    expect(steps.map(([node, launcher, step]) => [node, existsSync(join(root, String(launcher))), step])).toEqual([
      ['node', true, 'install'],
      ['node', true, 'package:tencent'],
    ]);
    const outdir = String(scripts['package:tencent']?.split('--outdir ')[1]);
    expect(resolve(folder, dist)).toBe(join(root, outdir, 'code'));
  });
});

describe('the schema refuses', () => {
  const wrong: [string, (it: WebFunction['inputs']) => unknown, RegExp][] = [
    ['a function that gets events', (it) => Object.assign(it, { type: 'event' }), /type/],
    ['Node.js 18', (it) => Object.assign(it, { runtime: 'Nodejs18.15' }), /runtime/],
    ['an unknown property', (it) => Object.assign(it, { memory: 512 }), /additional properties memory/],
    ['an odd amount of memory', (it) => Object.assign(it, { memorySize: 500 }), /memorySize/],
    ['the timeout that SCF gives without one', (it) => Reflect.deleteProperty(it, 'timeout'), /timeout/],
    ['more time than there is', (it) => Object.assign(it, { timeout: 1000 }), /timeout/],
    [
      'more requests at once than SCF allows',
      (it) => Object.assign(it.instanceConcurrencyConfig, { maxConcurrency: 200 }),
      /maxConcurrency/,
    ],
    ['a hook that nobody runs', (it) => Reflect.deleteProperty(it.src, 'dist'), /dist/],
    ['a variable that is no text', (it) => Object.assign(it.environment.variables, { PORT: 9000 }), /PORT/],
    [
      'a variable that is reserved',
      (it) => Object.assign(it.environment.variables, { TENCENTCLOUD_REGION: 'x' }),
      /environment/,
    ],
    [
      'more than 4 KB of variables',
      (it) => Object.assign(it.environment.variables, { HTPASSWD: 'x'.repeat(MAX_ENVIRONMENT_BYTES) }),
      /4 KB/,
    ],
    [
      'an address that wants signatures',
      (it) => Object.assign(it.events[0]?.http?.parameters ?? {}, { authType: 'CAM' }),
      /authType/,
    ],
    [
      'an address that nobody reaches',
      (it) => Object.assign(it.events[0]?.http?.parameters.netConfig ?? {}, { enableExtranet: false }),
      /enableExtranet/,
    ],
    ['no address', (it) => Object.assign(it, { events: [] }), /events/],
    ['an API gateway, which is gone', (it) => Object.assign(it, { events: [{ apigw: {} }] }), /apigw/],
  ];
  it.each(wrong)('%s', (_, spoil, fault) => {
    const copy = structuredClone(written);
    spoil(copy.inputs);
    expect(faultsOf(copy).join('\n')).toMatch(fault);
  });
});

describe('environment variables', () => {
  it.each(Object.keys(all.inputs.environment.variables))('%s is a setting of the proxy', (name) => {
    expect(settingNames).toContain(name);
  });

  it('are a configuration the proxy starts with, also with all that is offered', () => {
    expect(readConfig(environment)).toMatchObject({ platform: 'tencent-scf', port: 9000, host: '0.0.0.0' });
    expect(readConfig(all.inputs.environment.variables)).toMatchObject({ platform: 'tencent-scf' });
  });

  const documents = readdirSync(folder).filter((name) => /^README.*\.md$/.test(name));
  it.each(documents)('that %s names exist', (name) => {
    const page = readFileSync(join(folder, name), 'utf8');
    const named = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)].map((match) => String(match[1]));
    const own = named.filter((setting) => !/^(SCF|QCLOUD|TENCENTCLOUD|TENCENT)_/.test(setting));
    expect(own.filter((setting) => !settingNames.has(setting))).toEqual([]);
  });
});

describe('yarn package:tencent', () => {
  let work: string;
  let archive: Buffer;

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'tencent-'));
    packageInto(String(scripts['package:tencent']), join(work, 'dist'));
    archive = readFileSync(join(work, 'dist/registry-proxy.zip'));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('makes the folder, and an archive with the same two files', () => {
    const code = join(work, 'dist/code');
    expect(readdirSync(code).sort()).toEqual(['bundle.js', 'scf_bootstrap']);
    const packed = unzip(archive);
    expect(Object.keys(packed)).toEqual(['bundle.js', 'scf_bootstrap']);
    for (const [name, data] of Object.entries(packed)) expect(data.equals(readFileSync(join(code, name)))).toBe(true);
  });

  it('makes the same archive again', () => {
    packageInto(String(scripts['package:tencent']), join(work, 'again'));
    expect(readFileSync(join(work, 'again/registry-proxy.zip')).equals(archive)).toBe(true);
  });

  it('lets both files be executed, in the folder and by the archive', () => {
    for (const entry of entriesOf(archive)) expect(entry).toMatchObject({ madeOn: 3, mode: 0o100755 });
    expect(entriesOf(archive)).toHaveLength(2);
    if (process.platform === 'win32') return;
    for (const name of ['bundle.js', 'scf_bootstrap']) {
      expect(statSync(join(work, 'dist/code', name)).mode & 0o777).toBe(0o755);
    }
  });

  it('starts with a file as SCF wants it', () => {
    const start = readFileSync(join(work, 'dist/code/scf_bootstrap'), 'utf8');
    expect(start).toMatch(/^#!\/bin\/bash\n/);
    expect(start).toMatch(/\n$/);
    expect(start).not.toContain('\r');
    expect(start).toContain('/var/lang/node20/bin/node');
    expect(start).not.toContain('127.0.0.1:');
    // Whoever uploads the folder by other means needs its mode, too.
    if (process.platform !== 'win32') expect(statSync(join(folder, 'scf_bootstrap')).mode & 0o777).toBe(0o755);
  });

  (existsSync('/bin/bash') ? it : it.skip)('starts as it arrives, and passes for an instance of SCF', async () => {
    const code = join(work, 'arrived');
    mkdirSync(code);
    for (const [name, data] of Object.entries(unzip(archive))) writeFileSync(join(code, name), data);
    chmodSync(join(code, 'scf_bootstrap'), 0o755);
    const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;
    const instance = await startFunction(code, [join(code, 'scf_bootstrap')], { PATH, ...environment });
    const url = `http://127.0.0.1:${instance.port}/-/healthz`;
    const status = await new Promise((done, fail) =>
      get(url, (answer) => done(answer.resume().statusCode)).on('error', fail),
    );
    expect(status).toBe(200);
    expect(instance.logs().find(({ msg }) => msg === 'listening')).toMatchObject({
      url: `http://0.0.0.0:${instance.port}`,
      platform: 'tencent-scf',
    });
    expect(await instance.stop()).toBe(0);
  });
});

/** What the directory of an archive says beside names and sizes. */
function entriesOf(archive: Buffer): { madeOn: number; mode: number }[] {
  const entries = [];
  for (let at = archive.indexOf('504b0102', 0, 'hex'); at >= 0; at = archive.indexOf('504b0102', at + 4, 'hex')) {
    entries.push({ madeOn: archive.readUInt8(at + 5), mode: archive.readUInt32LE(at + 38) >>> 16 });
  }
  return entries;
}
