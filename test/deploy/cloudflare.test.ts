import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Ajv from 'ajv';
import { readConfig } from '../../src/core/config';
import { settings } from '../../src/core/settings';
import { root } from '../tools/sources';
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS } from '../worker-runtime';
import {
  configuration,
  folder,
  readJsonc,
  readSchema,
  type WranglerConfig,
  withOptions,
  wrangler,
  wranglerCommands,
} from './wrangler';

const text = readFileSync(configuration, 'utf8');
const config = readJsonc(text);
const all = readJsonc(withOptions(text));
const settingNames = new Set<string>(settings.map(({ name }) => name));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

const BINDINGS = ['REGISTRY_MAPS', 'REGISTRY_CACHE'];

/** KiB with gzip; the free plan takes 3 MB. */
const MAX_PACKED = 300;

describe('wrangler.jsonc', () => {
  const schema = readSchema();
  const faultsOf = (value: unknown): string[] => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    const fits = ajv.compile(schema);
    return fits(value) ? [] : (fits.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };

  it('fits the schema of wrangler, as it is and with every block switched on that it offers as a comment', () => {
    expect(faultsOf(config)).toEqual([]);
    expect(faultsOf(all)).toEqual([]);
    expect(Object.keys(all)).toEqual(expect.arrayContaining(['kv_namespaces', 'r2_buckets', 'routes', 'limits']));
  });

  it.each<[string, (it: WranglerConfig) => unknown]>([
    ['a word that there is not', (it) => Object.assign(it, { kv_namespace: [] })],
    ['a binding without a name', (it) => it.kv_namespaces?.push({} as never)],
    ['a flag as text', (it) => Object.assign(it, { no_bundle: 'true' })],
  ])('would not with %s', (_, spoil) => {
    const copy = structuredClone(all);
    spoil(copy);
    expect(faultsOf(copy)).not.toEqual([]);
  });

  it('binds what the Worker looks for, and needs nothing of Node.js', () => {
    const bound = [...(all.kv_namespaces ?? []), ...(all.r2_buckets ?? [])].map(({ binding }) => binding);
    expect(bound).toEqual(BINDINGS);
    expect(config.compatibility_flags).toEqual(COMPATIBILITY_FLAGS);
    // None of Node's: the module can be pasted into the dashboard.
    expect(COMPATIBILITY_FLAGS.join()).not.toContain('node');
    expect(config.compatibility_date).toBe(COMPATIBILITY_DATE);
  });

  it('is open to nobody but at the addresses that it names', () => {
    expect(config).toMatchObject({ preview_urls: false, observability: { logs: { invocation_logs: false } } });
  });

  it.each(Object.keys(all.vars))('%s is a setting of the proxy', (name) => {
    expect(settingNames).toContain(name);
  });

  it('sets nothing secret', () => {
    const secrets = settings.filter((setting) => 'secret' in setting && setting.secret).map(({ name }) => name);
    expect(Object.keys(all.vars).filter((name) => secrets.includes(name as never))).toEqual([]);
  });

  it('has settings that the proxy starts with', () => {
    expect(readConfig(config.vars)).toMatchObject({ upstreams: [{ name: 'docker.io', handleRedirect: true }] });
    expect(readConfig(all.vars).upstreams.map(({ name }) => name)).toContain('ghcr.io');
  });

  it('takes the module from where the packaging leaves it', () => {
    expect(scripts['package:cloudflare']).toContain(`--outdir deploy/cloudflare/${dirname(config.main)}`);
    expect(scripts.deploy).toBe('wrangler deploy --config deploy/cloudflare/wrangler.jsonc');
    const steps = config.build.command.split(' && ').map((step) => step.split(' '));
    expect(steps.map(([node, launcher]) => [node, launcher])).toEqual(steps.map(() => ['node', '.yarn/launch.cjs']));
    expect(steps.map(([, , script]) => script)).toEqual(['install', 'package:cloudflare']);
    expect(existsSync(join(folder, config.build.cwd, '.yarn/launch.cjs'))).toBe(true);
  });
});

describe('wrangler deploy', () => {
  let project: string;
  const inProject = (path: string) => join(project, path);

  // The project's outline: the launcher writes down how it is called, and packages as the project does.
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'cloudflare-'));
    mkdirSync(inProject('.yarn'));
    mkdirSync(inProject('src'));
    mkdirSync(inProject('deploy/cloudflare'), { recursive: true });
    const [node, ...words] = (scripts['package:cloudflare'] as string).split(' ');
    expect(node).toBe('node');
    const build = words.map((word) => (word.startsWith('deploy/') ? inProject(word) : word));
    execFileSync(process.execPath, build, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    const note = `require('node:fs').appendFileSync('steps', process.argv.slice(2).join(' ') + '\\n');`;
    writeFileSync(inProject('.yarn/launch.cjs'), note);
    writeFileSync(inProject('deploy/cloudflare/wrangler.jsonc'), text);
    writeFileSync(inProject('deploy/cloudflare/all.jsonc'), withOptions(text));
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('installs and packages in the project root with Node.js alone, and uploads what was packaged', () => {
    const printed = wrangler(['deploy', '--dry-run', '--outdir', 'out'], inProject('deploy/cloudflare'));
    expect(readFileSync(inProject('steps'), 'utf8')).toBe('install\npackage:cloudflare\n');
    const module = readFileSync(inProject('deploy/cloudflare/dist/worker.js'), 'utf8');
    expect(readFileSync(inProject('deploy/cloudflare/out/worker.js'), 'utf8')).toBe(module);
    expect(readdirSync(inProject('deploy/cloudflare/dist'))).toEqual(['worker.js']);
    expect(Number(/gzip: ([\d.]+) KiB/.exec(printed)?.[1])).toBeLessThan(MAX_PACKED);
    for (const [name, value] of Object.entries(config.vars)) expect(printed).toContain(`env.${name} ("${value}")`);
  });

  it('lists every binding once its block is switched on', () => {
    const command = ['deploy', '--dry-run', '--outdir', 'out', '--config', 'all.jsonc'];
    const printed = wrangler(command, inProject('deploy/cloudflare'));
    expect(printed).toMatch(/env\.REGISTRY_MAPS .*KV Namespace/);
    expect(printed).toMatch(/env\.REGISTRY_CACHE .*R2 Bucket/);
  });
});

const pages = readdirSync(folder).filter((name) => /^README.*\.md$/.test(name));

describe.each(pages)('%s', (name) => {
  const page = readFileSync(join(folder, name), 'utf8');
  const commands = [...page.matchAll(/npx wrangler(?:@[\d.]+)? ((?:[a-z]+ ?)[^\n`]*)/g)].map(([, words]) =>
    String(words).trim(),
  );

  it('names commands and flags that wrangler has', () => {
    const known = wranglerCommands();
    expect(known.get('kv key put')).toContain('remote');
    const faults = commands.flatMap((command) => {
      const words = command.split(' ');
      const name = words.map((_, at) => words.slice(0, at + 1).join(' ')).findLast((start) => known.has(start));
      if (name === undefined) return [command];
      const flags = [...command.matchAll(/ --([a-z-]+)/g)].map(([, flag]) => String(flag));
      return flags.filter((flag) => !known.get(name)?.includes(flag)).map((flag) => `${command}: --${flag}`);
    });
    expect(commands.length).toBeGreaterThan(15);
    expect(faults).toEqual([]);
  });

  it('names settings, bindings and variables of wrangler that there are', () => {
    const named = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)].map(([, word]) => String(word));
    const secrets = [...page.matchAll(/secret put (\w+)/g)].map(([, word]) => String(word));
    const others = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ACCOUNT_ID', 'CUSTOM_DOMAIN'];
    expect(
      [...named, ...secrets].filter((word) => !settingNames.has(word) && ![...BINDINGS, ...others].includes(word)),
    ).toEqual([]);
  });

  it('has rows that are JSON, with nothing in them but what rows have', () => {
    const rows = [...page.matchAll(/kv key put .* '(.*)'$/gm)].map(([, row]) => JSON.parse(String(row)));
    expect(rows.length).toBeGreaterThan(3);
    for (const row of rows) expect(Object.keys(row)).toEqual(['targetDomain', 'authEndpoint']);
  });
});
