import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { ConfigError } from '../../src/core/config-error';
import { runCommand } from '../../src/node/commands';
import { DiskStore } from '../../src/storage/disk';
import { pathOf } from '../../src/storage/disk-layout';
import { named } from '../../src/storage/key';
import type { Key } from '../../src/storage/store';
import { StoreError } from '../../src/storage/store-error';
import { type Content, content, has, listed, putBlob, putDocument } from '../storage/bytes';
import { base } from '../storage/folder';
import { startS3 } from '../storage/s3-server';
import { processFrom } from './process';

const DAY = 24 * 3_600_000;

const root = mkdtempSync(join(base, 'cache-'));
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
let store: DiskStore;
beforeEach(() => {
  folder = join(mkdtempSync(join(root, 'disk-')), 'cache');
  store = new DiskStore({ folder });
});
afterEach(() => store.close());

function collect(stream: PassThrough): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Runs the command beside the store that is open, as beside a server. */
async function run(argv: string[], env: Record<string, string> = { CACHE_DIR: folder }, isTTY = false) {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const [out, err] = [collect(stdout), collect(stderr)];
  const code = await runCommand(['cache', ...argv], { stdin, stdout, stderr, env });
  await new Promise(setImmediate);
  return { code, out: out(), err: err() };
}

async function keep(size: number): Promise<Content> {
  const one = content(size);
  await putBlob(store, one);
  return one;
}

/** As if it had last been used then. */
const age = (key: Key, days: number) => {
  const then = new Date(Date.now() - days * DAY);
  utimesSync(pathOf(folder, key), then, then);
};

const spoil = ({ key, bytes }: Content) => truncateSync(pathOf(folder, key), bytes.length - 1);

describe('cache ls', () => {
  test('names what is kept, with its size and its last use, and what it is together', async () => {
    const one = await keep(1_500_000);
    await putDocument(store, named('tag docker.io/library/nginx:\x1b[2Jlatest'), 'body');
    const day = new Date('2026-02-03T04:05:06Z');
    utimesSync(pathOf(folder, one.key), day, day);
    const { code, out, err } = await run(['ls']);
    expect([code, err]).toEqual([0, '']);
    const [head, ...lines] = out.trimEnd().split('\n');
    expect(head).toMatch(/^LAST USE \(UTC\) +SIZE {2}ENTRY$/);
    expect(lines[0]).toBe(`2026-02-03 04:05      1.5 MB  ${one.key.digest}`);
    expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d +4 B {2}tag docker\.io\/library\/nginx:\?\[2Jlatest$/);
    expect(lines.slice(2)).toEqual(['1 blob and 1 document, 1.5 MB']);
  });

  test('is JSON for other programs', async () => {
    const [one, two] = [await keep(10), await keep(20)];
    await putDocument(store, named('a "tag"'), 'body');
    const { entries, total } = JSON.parse((await run(['ls', '--json'])).out);
    expect(total).toEqual({ entries: 3, blobs: 2, documents: 1, bytes: 34 });
    expect(entries).toHaveLength(3);
    expect(entries).toEqual(
      expect.arrayContaining([
        { kind: 'blob', name: one.key.digest, size: 10, lastUse: expect.stringMatching(/^\d{4}-.+Z$/) },
        { kind: 'blob', name: two.key.digest, size: 20, lastUse: expect.any(String) },
        { kind: 'document', name: 'a "tag"', size: 4, lastUse: expect.any(String) },
      ]),
    );
  });

  test('of an empty cache, and of a folder that is not there yet, is empty', async () => {
    expect((await run(['ls'])).out).toMatch(/\n0 blobs and 0 documents, 0 B\n$/);
    expect(JSON.parse((await run(['ls', '--json'])).out)).toMatchObject({ entries: [], total: { entries: 0 } });
    expect(existsSync(folder)).toBe(false);
  });

  test('ends when nobody reads on', async () => {
    for (let count = 0; count < 3; count += 1) await keep(10);
    const stdout = new PassThrough({ highWaterMark: 1 });
    const stderr = new PassThrough();
    const env = { CACHE_DIR: folder };
    const running = runCommand(['cache', 'ls'], { stdin: new PassThrough(), stdout, stderr, env });
    stdout.once('data', () => stdout.destroy());
    expect(await running).toBe(0);
  });
});

describe('cache verify', () => {
  test('reads everything and removes what is wrong, with exit code 1', async () => {
    const [right, wrong] = [await keep(1000), await keep(2000)];
    await putDocument(store, named('tag'), 'body');
    expect(await run(['verify'])).toEqual({
      code: 0,
      out: '3 entries, 3.0 kB: all of it is what was stored\n',
      err: '',
    });
    spoil(wrong);
    expect(await run(['verify'])).toEqual({
      code: 1,
      out: `wrong, and removed: ${wrong.key.digest}\n`,
      err: '1 of 3 entries, 3.0 kB were wrong, and have been removed\n',
    });
    expect(existsSync(pathOf(folder, wrong.key))).toBe(false);
    expect(await has(store, right)).toBe(true);
    expect((await run(['verify'])).code).toBe(0);
  });

  test('reads only the blobs that are named', async () => {
    const [right, wrong] = [await keep(1000), await keep(2000)];
    spoil(wrong);
    expect((await run(['verify', right.key.digest])).out).toBe('1 entry, 1.0 kB: all of it is what was stored\n');
    expect((await run(['verify', right.key.digest, wrong.key.digest])).code).toBe(1);
    expect(await run(['verify', right.key.digest, wrong.key.digest])).toEqual({
      code: 1,
      out: '',
      err: `not in the cache: ${wrong.key.digest}\n`,
    });
  });

  test('says at a terminal how far it is, and takes that away', async () => {
    await keep(1000);
    const { out, err } = await run(['verify'], undefined, true);
    expect(err).toBe('\r\x1b[K0 of 1 entry, 1.0 kB: 0 B\r\x1b[K');
    expect(out).toBe('1 entry, 1.0 kB: all of it is what was stored\n');
  });
});

describe('cache prune', () => {
  test('removes what nobody has used for so long', async () => {
    const [old, fresh] = [await keep(1000), await keep(2000)];
    age(old.key, 31);
    expect(await run(['prune', '--unused', '30d'])).toEqual({ code: 0, out: 'removed 1 entry, 1.0 kB\n', err: '' });
    expect((await listed(store)).map(({ key }) => key)).toEqual([fresh.key]);
  });

  test('removes what was used longest ago until the rest is small enough', async () => {
    const [middle, old, fresh] = [await keep(100_000), await keep(100_000), await keep(100_000)];
    age(middle.key, 2);
    age(old.key, 3);
    expect((await run(['prune', '--max-size=220k'])).out).toBe('removed 1 entry, 100.0 kB\n');
    expect((await listed(store)).map(({ key }) => key)).toEqual(expect.arrayContaining([middle.key, fresh.key]));
    expect((await run(['prune', '-max-size', '0'])).out).toBe('removed 2 entries, 200.0 kB\n');
  });

  test('goes by the configuration where the command line says nothing, and only there', async () => {
    const [old] = [await keep(1000), await keep(2000)];
    age(old.key, 3);
    const env = { CACHE_DIR: folder, CACHE_INACTIVE: '2d' };
    expect((await run(['prune', '--unused=4d'], env)).out).toBe('removed 0 entries, 0 B\n');
    expect((await run(['prune'], env)).out).toBe('removed 1 entry, 1.0 kB\n');
    expect((await run(['prune'], { CACHE_DIR: folder, CACHE_MAX_SIZE: '16m' })).out).toBe('removed 0 entries, 0 B\n');
  });
});

test('the configuration may come from flags, and from a bucket', async () => {
  const one = await keep(10);
  expect((await run(['ls', '--cache-dir', folder], {})).out).toContain(one.key.digest);
  expect((await run(['verify', one.key.digest, `--cache=disk:${folder}`], {})).code).toBe(0);
  const s3 = await startS3();
  const { name } = s3.bucket({});
  const env = {
    CACHE: `s3://${name}?endpoint=${s3.url}&region=nowhere-1&pathStyle=true`,
    CACHE_ACCESS_KEY: s3.login.id,
    CACHE_SECRET_KEY: s3.login.secret,
  };
  expect((await run(['ls'], env)).out).toMatch(/\n0 blobs and 0 documents, 0 B\n$/);
  await s3.stop();
});

describe('a mistake says what to do', () => {
  test.each<[string[], Record<string, string> | undefined, RegExp]>([
    [[], undefined, /^expected registry-proxy cache ls\|verify\|prune; cache --help says more\n$/],
    [['list'], undefined, /^expected registry-proxy cache ls/],
    [['ls'], {}, /^nothing is kept here: set CACHE or CACHE_DIR/],
    [['ls'], { CACHE: 'memory' }, /^CACHE=memory: what is kept is in the memory of the server/],
    [['verify', 'sha256:abc'], undefined, /^sha256:abc: expected a whole digest/],
    [['prune'], undefined, /^nothing says what should go: name --max-size or --unused\n$/],
    [['prune', '--max-size', 'much'], undefined, /^--max-size=much: expected bytes/],
    [['prune', '--unused'], undefined, /^--unused=: expected a duration/],
  ])('%j %j', async (argv, env, message) => {
    const { code, out, err } = await run(argv, env);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(message);
  });

  test('a configuration with faults is one', async () => {
    await expect(run(['ls', '--nonsense'])).rejects.toThrow(ConfigError);
    await expect(run(['verify', 'abc'])).rejects.toThrow(/"abc": unexpected argument/);
  });

  test('a store that cannot be read says why', async () => {
    jest.spyOn(DiskStore.prototype, 'list').mockImplementation(() => {
      throw new StoreError('denied', 'the store cannot be listed: the user may not');
    });
    const { code, err } = await run(['ls']);
    jest.restoreAllMocks();
    expect([code, err]).toEqual([1, 'the store cannot be listed: the user may not\n']);
  });
});

test('--help says what there is', async () => {
  for (const argv of [['--help'], ['ls', '-h'], ['prune', '--help']]) {
    const { code, out } = await run(argv, {});
    expect([code, out.split('\n')[0]]).toEqual([0, 'Usage: registry-proxy cache ls [--json]']);
  }
});

test('the process does all of it, with .env and beside another process', async () => {
  const one = await keep(5000);
  const program = await processFrom(`CACHE_DIR=${folder}\n`);
  try {
    const ask = async (...argv: string[]) => {
      const { exited, out, err } = program.start({}, 'cache', ...argv);
      return { code: await exited, out: out(), err: err() };
    };
    expect((await ask('ls')).out).toContain(one.key.digest);
    spoil(one);
    expect(await ask('verify')).toMatchObject({ code: 1, err: expect.stringContaining('1 of 1 entry') });
    expect(await ask('prune', '--max-size', '0')).toEqual({ code: 0, out: 'removed 0 entries, 0 B\n', err: '' });
    expect(await ask('ls', '--port', 'x')).toMatchObject({ code: 1, err: expect.stringContaining('--port=x') });
    expect(statSync(folder).isDirectory()).toBe(true);
  } finally {
    program.stop();
  }
});
