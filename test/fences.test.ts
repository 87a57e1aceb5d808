import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { loadAll } from 'js-yaml';
import { settings } from '../src/core/settings';
import { renderConfiguration } from './tools/configuration-doc';
import { imports, root, type Source, sources } from './tools/sources';
import { builtWorker } from './worker-runtime';

const MAX_BUNDLE_BYTES = 800_000;
const MAX_WORKER_BYTES = 540_000;
const MAX_LINES = 220;
const CORE_PACKAGES = ['ipaddr.js', 'tldts'];

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const src = sources('src', /\.ts$/);
const core = src.filter(({ path }) => path.startsWith('src/core/'));
const known = new Set<string>(settings.map(({ name }) => name));

/** Every place where a pattern stands in code, as `file:line: text`; comments do not count. */
function occurrences(files: Source[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text
      .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
      .split('\n')
      .map((line) => line.replace(/(^|\s)\/\/.*/, ''))
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

describe('the core', () => {
  test('is there to be fenced in', () => {
    expect(core.length).toBeGreaterThan(10);
  });

  test.each(core.map((file) => [file.path, file] as const))('%s imports nothing from outside the core', (_, file) => {
    const outside = imports(file).filter((name) =>
      name.startsWith('.')
        ? !posix.join(posix.dirname(file.path), name).startsWith('src/core/')
        : !CORE_PACKAGES.includes(name),
    );
    expect(outside).toEqual([]);
  });

  test('reads no clock, chance, environment, and does no I/O', () => {
    const impure =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.|\bMath\.random\b|\bset(Timeout|Interval|Immediate)\b|\bprocess\.|\bconsole\.|\bBuffer\b|(?<![.\w])fetch\(/;
    expect(occurrences(core, impure)).toEqual([]);
  });
});

describe('what every runtime shares', () => {
  /** What a file loads, `import()` included. */
  const uses = ({ path, text }: Source) =>
    [...text.matchAll(/(?:^(?:import|export) (?!type\b)(?:[^;]*? from )?|\bimport\()'(\.[^']+)'/gm)].map(
      ([, name]) => `${posix.join(posix.dirname(path), name)}.ts`,
    );
  const bundled = new Set(['src/worker/index.ts']);
  for (const path of bundled) {
    const file = src.find((each) => each.path === path);
    for (const each of file ? uses(file) : []) bundled.add(each);
  }
  const neutral = src.filter(({ path }) => bundled.has(path) || path.startsWith('src/shell/'));

  test('is what the Worker is made of', () => {
    expect(bundled.size).toBeGreaterThan(80);
    expect([...bundled].filter((path) => path.startsWith('src/node/'))).toEqual([]);
  });

  test('needs nothing of Node', () => {
    const outside = neutral.flatMap((file) =>
      imports(file)
        .filter((name) => !name.startsWith('.') && !/^(@noble\/hashes\/|@cloudflare\/workers-types$)/.test(name))
        .filter((name) => !CORE_PACKAGES.includes(name))
        .map((name) => `${file.path}: ${name}`),
    );
    expect(outside).toEqual([]);
    expect(occurrences(neutral, /\bBuffer\b|\bprocess\.|\brequire\(|\bsetImmediate\b/)).toEqual([]);
  });
});

describe('the sources', () => {
  test('read the environment in one place', () => {
    const elsewhere = src.filter(({ path }) => path !== 'src/node/main.ts');
    expect(occurrences(elsewhere, /\bprocess\.env\b|import .*\benv\b.* from 'node:process'/)).toEqual([]);
  });

  test('need nothing of the tests', () => {
    const culprits = src.filter((file) =>
      imports(file).some(
        (name) => name.startsWith('.') && posix.join(posix.dirname(file.path), name).startsWith('test/'),
      ),
    );
    expect(culprits.map(({ path }) => path)).toEqual([]);
  });

  test(`have no file of more than ${MAX_LINES} lines`, () => {
    const long = src.map(({ path, text }) => `${path}: ${text.split('\n').length - 1} lines`);
    expect(long.filter((entry) => Number(/(\d+) lines$/.exec(entry)?.[1]) > MAX_LINES)).toEqual([]);
  });
});

describe('a start', () => {
  /** What a file loads at once: neither types nor what `import()` brings. */
  const loads = ({ path, text }: Source) =>
    [...text.matchAll(/^(?:import|export) (?!type\b)(?:[^;]*? from )?'(\.[^']+)';/gm)].map(
      ([, name]) => `${posix.join(posix.dirname(path), name)}.ts`,
    );

  const loaded = new Set(['src/node/main.ts']);
  for (const path of loaded) {
    const file = src.find((each) => each.path === path);
    for (const each of file ? loads(file) : []) loaded.add(each);
  }

  test('loads no store', () => {
    expect(loaded.size).toBeGreaterThan(50);
    expect([...loaded].filter((path) => path.startsWith('src/storage/'))).toEqual([]);
  });

  test('loads nothing of what keeps traces: most starts have nobody who reads them', () => {
    const theirs = /\/(traces|tracer|span(-[a-z]+)?)\.ts$/;
    const there = src.filter(({ path }) => /^src\/(core|node|shell)\//.test(path) && theirs.test(path));
    expect(there.length).toBeGreaterThan(5);
    expect(there.filter(({ path }) => loaded.has(path))).toEqual([]);
  });

  test('loads nothing of users, passwords and clouds: most starts have none', () => {
    const theirs = /\/(users|passwords|login-tokens|digests|attempts|cloud-[a-z]+|signature-v4)\.ts$/;
    const there = src.filter(({ path }) => /^src\/(node|shell)\//.test(path) && theirs.test(path));
    expect(there.length).toBeGreaterThan(5);
    expect(there.filter(({ path }) => loaded.has(path))).toEqual([]);
  });
});

describe('the bundle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test(`is one file of less than ${MAX_BUNDLE_BYTES / 1000} KB that needs nothing beside it`, async () => {
    // The build itself fails on anything it cannot resolve.
    await promisify(execFile)(process.execPath, ['esbuild.config.mjs', '--outdir', folder], { cwd: root });
    expect(readdirSync(folder)).toEqual(['bundle.js']);
    expect(statSync(join(folder, 'bundle.js')).size).toBeLessThan(MAX_BUNDLE_BYTES);
  });

  test('knows its name and version', async () => {
    const { name, version } = JSON.parse(read('package.json'));
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'bundle.js'), '--version']);
    expect(stdout).toBe(`${name} ${version} (Node.js ${process.version})\n`);
  });

  test('calls nothing of which Node.js 22 prints a warning', () => {
    const calls = /\b_extend\b|\bnew Buffer\(|\bpunycode\b|\bSlowBuffer\b/;
    expect(readFileSync(join(folder, 'bundle.js'), 'utf8').match(calls)).toBeNull();
  });

  test('is a program by itself, with the thread that bcrypt works in', async () => {
    const running = promisify(execFile)(join(folder, 'bundle.js'), ['htpasswd', 'alice', '--cost', '4']);
    running.child.stdin?.end(randomUUID());
    expect((await running).stdout).toMatch(/^alice:\$2y\$04\$\S{53}\n$/);
    expect(readFileSync(join(folder, 'bundle.js'), 'utf8')).toContain('Redistributions in binary form must reproduce');
  });
});

describe('the module of the Worker', () => {
  test(`is less than ${MAX_WORKER_BYTES / 1000} KB and imports nothing`, () => {
    const module = builtWorker();
    expect(Buffer.byteLength(module)).toBeLessThan(MAX_WORKER_BYTES);
    // The build itself fails on anything that it cannot resolve.
    expect(/["']node:|\bimport ?\(/.test(module)).toBe(false);
  });
});

describe('the lock file', () => {
  test('names no address: packages come from whichever registry is configured', () => {
    expect(read('yarn.lock')).not.toMatch(/https?:|^\s*"?resolved/m);
  });
});

describe('the documents', () => {
  test('docs/configuration.md is what `yarn docs` writes', () => {
    expect(read('docs/configuration.md')).toBe(renderConfiguration(settings));
  });

  test('.env.example offers every setting, commented out, with its default', () => {
    const offered = [...read('.env.example').matchAll(/^#([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    expect(offered.map(([name]) => name).sort()).toEqual([...known].sort());
    for (const { name, fallback } of settings) {
      if (fallback !== '') expect(offered).toContainEqual([name, fallback]);
    }
    expect(read('.env.example')).not.toMatch(/^[^#\n]/m);
  });
});

describe('the manifests', () => {
  const manifests = sources('deploy', /\.(ya?ml|json)$/);
  /** Of other programs, and of Node.js. */
  const foreign = /^(PATH|UV_USE_IO_URING|NODE_ENV|AWS_LAMBDA_\w+|MINIO_\w+|MC_\w+)$/;

  /** Names of variables that a manifest sets, in whichever form: a map, a list of names and values, or NAME=value. */
  function variables(value: unknown, key = ''): string[] {
    if (value === null || typeof value !== 'object') return [];
    if (Array.isArray(value)) {
      const names = value.map((each) => (key === 'env' ? each.name : key === 'literals' && each.split('=')[0]));
      return [...names.filter(Boolean), ...value.flatMap((each) => variables(each))];
    }
    const isMap = /^(environmentvariables|environment|variables|env|vars)$/.test(key);
    const own = isMap ? Object.keys(value).filter((name) => /^[A-Z][A-Z0-9_]*$/.test(name)) : [];
    return [...own, ...Object.entries(value).flatMap(([name, each]) => variables(each, name.toLowerCase()))];
  }

  /** Tags of a platform's own (!Sub) say how a value is made, which is of no interest here. */
  const namesIn = (text: string) =>
    loadAll(text.replace(/(^|[\s,[])![A-Z]\w*/gm, '$1')).flatMap((each) => variables(each));

  test('are there to be checked', () => {
    const names = manifests.flatMap(({ text }) => namesIn(text));
    expect(manifests.length).toBeGreaterThan(15);
    expect(new Set(names).size).toBeGreaterThan(10);
  });

  test.each(manifests.map(({ path, text }) => [path, text]))('%s sets only variables that exist', (_, text) => {
    const names = namesIn(text ?? '');
    expect(names.filter((name) => !foreign.test(name) && !known.has(name))).toEqual([]);
  });
});
