import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { DiskStore, TOUCH_EVERY } from '../../src/storage/disk';
import { SILENCE } from '../../src/storage/disk-incoming';
import { pathOf } from '../../src/storage/disk-layout';
import { named } from '../../src/storage/key';
import { ownName } from '../../src/storage/owner';
import type { StoreError } from '../../src/storage/store-error';
import { until } from '../upstream/scene';
import { bytesFrom, content, faultOf, has, listed, putBlob, putDocument, read } from './bytes';
import { storeContract } from './contract';
import { base } from './folder';

const root = mkdtempSync(join(base, 'store-'));
afterAll(() => rmSync(root, { recursive: true }));
const newFolder = () => join(mkdtempSync(join(root, 'disk-')), 'cache');

storeContract('disk', async (options) => new DiskStore({ ...options, folder: newFolder() }));

const KIB = 1024;
const TAG = named('tag');

const stores: DiskStore[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const store of stores.splice(0)) await store.close();
});

/** A store of the folder, as a new process would open it, and what it had to complain of. */
function open(folder: string, options: { maxBytes?: number; reserveBytes?: number; now?: () => number } = {}) {
  const faults: string[] = [];
  const store = new DiskStore({ folder, ...options, onFault: (error) => faults.push((error as StoreError).fault) });
  stores.push(store);
  return { store, faults };
}

/** Every file under a folder, from there. */
function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .sort();
}

const unfinished = (folder: string) => files(folder).filter((path) => path.startsWith('incoming/'));

describe('the folder', () => {
  test('is an OCI image layout, with documents beside it', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    const [one, other] = [content(100), content(100, 'sha512')];
    await putBlob(store, one);
    await putBlob(store, other);
    await putDocument(store, named('../../../x'), 'text');
    expect(
      files(folder).map((path) => path.replace(/^(documents\/..\/).*/, '$1').replace(/^documents\/../, 'documents/hh')),
    ).toEqual(
      [
        `blobs/sha256/${one.key.digest.slice(7)}`,
        `blobs/sha512/${other.key.digest.slice(7)}`,
        'documents/hh/',
        'index.json',
        'oci-layout',
      ].sort(),
    );
    expect(readFileSync(pathOf(folder, one.key))).toEqual(one.bytes);
    expect(JSON.parse(readFileSync(join(folder, 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('may hold files of others, which stay', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
    mkdirSync(join(folder, 'incoming/somebody'), { recursive: true });
    const others = ['index.json', 'blobs/sha256/README', 'incoming/somebody/file', 'notes'];
    for (const path of others) writeFileSync(join(folder, path), 'mine');
    const { store } = open(folder);
    await putBlob(store, content(100));
    await store.prune({ maxBytes: 0 });
    expect(await listed(store)).toEqual([]);
    for (const path of others) expect(readFileSync(join(folder, path), 'utf8')).toBe('mine');
  });

  test('is looked at only when something is wanted', async () => {
    const folder = newFolder();
    await putBlob(open(folder).store, content(100));
    const [opened, looked] = [jest.spyOn(fs, 'opendir'), jest.spyOn(fs, 'stat')];
    const { store } = open(folder);
    await store.started;
    expect(opened.mock.calls.map(([path]) => path)).toEqual([join(folder, 'incoming')]);
    expect(looked).not.toHaveBeenCalled();
  });

  test('is not made by reading', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    expect([await read(store, content(1).key), await listed(store), await store.prune()]).toEqual([
      undefined,
      [],
      { entries: 0, bytes: 0 },
    ]);
    await store.close();
    expect(existsSync(folder)).toBe(false);
  });
});

describe('a file that is no longer what it was', () => {
  const damage: [string, (path: string) => void][] = [
    ['cut', (path) => truncateSync(path, 299_999)],
    ['emptied', (path) => truncateSync(path, 0)],
    ['longer', (path) => appendFileSync(path, '!')],
    [
      'changed in one bit',
      (path) => {
        const bytes = readFileSync(path);
        bytes[150_000] = (bytes[150_000] ?? 0) ^ 1;
        writeFileSync(path, bytes);
      },
    ],
  ];

  test.each(damage)('since it was %s, is never given out whole, and is removed', async (_, harm) => {
    const folder = newFolder();
    const one = content(300_000);
    await putBlob(open(folder).store, one);
    harm(pathOf(folder, one.key));
    const { store, faults } = open(folder);
    const reading = await store.get(one.key);
    let bytes = 0;
    const all = async () => {
      for await (const chunk of reading ?? []) bytes += chunk.length;
    };
    expect(await faultOf(all())).toBe('corrupt');
    expect(bytes).toBeLessThan(Math.max(1, reading?.entry.size ?? 0));
    expect([await store.stat(one.key), faults]).toEqual([undefined, ['corrupt']]);
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
  });

  test.each(damage)('since it was %s, is removed soon after a part of it was read', async (_, harm) => {
    const folder = newFolder();
    const one = content(300_000);
    await putBlob(open(folder).store, one);
    harm(pathOf(folder, one.key));
    const { store, faults } = open(folder);
    await read(store, one.key, { first: 0, last: 9 }).catch(() => {});
    if (statSync(pathOf(folder, one.key), { throwIfNoEntry: false })?.size !== 0)
      expect(await until(() => faults.length > 0)).toBe(true);
    expect(await read(store, one.key).catch(() => undefined)).toBeUndefined();
    expect(files(folder).filter((path) => path.startsWith('blobs/'))).toEqual([]);
  });

  test('is noticed by the process that wrote it, where it was cut', async () => {
    const folder = newFolder();
    const one = content(300_000);
    const { store } = open(folder);
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
    truncateSync(pathOf(folder, one.key), 1000);
    expect(await faultOf(read(store, one.key))).toBe('corrupt');
  });

  test('while it is read, ends the reading with an error', async () => {
    const folder = newFolder();
    const one = content(2_000_000);
    const { store } = open(folder);
    await putBlob(store, one);
    const reading = (await store.get(one.key)) as AsyncIterable<Uint8Array>;
    truncateSync(pathOf(folder, one.key), 600_000);
    expect(await faultOf(bytesFrom(reading))).toBe('corrupt');
  });

  test.each([
    ['cut', (path: string) => truncateSync(path, statSync(path).size - 1)],
    ['emptied', (path: string) => truncateSync(path, 0)],
    ['without its first line', (path: string) => writeFileSync(path, '{"name":"tag"}\nbody')],
    ['longer', (path: string) => appendFileSync(path, '!')],
  ])('is missing where it is a document, and was %s', async (_, harm) => {
    const folder = newFolder();
    const { store, faults } = open(folder);
    await putDocument(store, TAG, 'body', { n: 1 });
    const verdicts: string[] = [];
    for (const look of [() => store.stat(TAG), () => store.get(TAG)]) {
      await putDocument(store, TAG, 'body', { n: 1 });
      harm(pathOf(folder, TAG));
      expect(await listed(store)).toEqual([]);
      expect(await look()).toBeUndefined();
    }
    await putDocument(store, TAG, 'body', { n: 1 });
    harm(pathOf(folder, TAG));
    verdicts.push(await store.verify(TAG), await store.verify(TAG));
    expect([verdicts, faults]).toEqual([
      ['wrong', 'missing'],
      ['corrupt', 'corrupt', 'corrupt'],
    ]);
  });

  test('is missing where another document has taken its place', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    await putDocument(store, named('a'), 'of a');
    await putDocument(store, named('b'), 'of b');
    writeFileSync(pathOf(folder, named('a')), readFileSync(pathOf(folder, named('b'))));
    expect([await read(store, named('a')), (await read(store, named('b')))?.toString()]).toEqual([undefined, 'of b']);
  });

  test('may be a link, a pipe or a folder, and is not followed, nor waited for', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    const kinds: ((path: string) => void)[] = [
      (path) => symlinkSync('/proc/self/environ', path),
      (path) => execFileSync('mkfifo', [path]),
      (path) => mkdirSync(path),
    ];
    await putBlob(store, content(10));
    for (const make of kinds) {
      const { key } = content(100);
      make(pathOf(folder, key));
      expect(await faultOf(store.get(key))).toBe('io');
    }
  });
});

describe('what somebody else removes', () => {
  test('is missing, and can be put again', async () => {
    const folder = newFolder();
    const one = content(1000);
    const { store } = open(folder);
    for (const gone of [pathOf(folder, one.key), join(folder, 'blobs'), folder]) {
      await putBlob(store, one);
      await putDocument(store, TAG, 'text');
      rmSync(gone, { recursive: true });
      expect(await read(store, one.key)).toBeUndefined();
      expect(await store.delete(one.key)).toBe(false);
    }
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
  });

  test('while it is being written, is an error of commit, or nothing at all', async () => {
    const folder = newFolder();
    const [one, other] = [content(1000), content(1000)];
    const { store } = open(folder);
    const sinks = [await store.put(one.key), await store.put(other.key)] as const;
    await sinks[0].write(one.bytes);
    rmSync(folder, { recursive: true });
    expect(await faultOf(sinks[0].commit())).toBe('io');
    await sinks[1].abort();
    await putBlob(store, one);
    expect([await has(store, one), unfinished(folder)]).toEqual([true, []]);
  });
});

describe('unfinished files', () => {
  test('go at start-up where their process is dead or silent, and stay where it may live', async () => {
    const folder = newFolder();
    const own = await ownName();
    const [place, , start, random] = own.split('-');
    const leftovers = {
      own,
      dead: `${place}-4194999-${start}-${random}`,
      fresh: `0123456789ab-1-77-${random}`,
      silent: `0123456789ab-2-77-${random}`,
      future: `0123456789ab-3-77-${random}`,
      foreign: 'somebody',
    };
    const ages: Record<string, number> = { silent: -SILENCE - 5000, future: SILENCE + 60_000 };
    for (const [kind, name] of Object.entries(leftovers)) {
      const path = join(folder, 'incoming', name);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, '1'), 'part');
      const time = (Date.now() + (ages[kind] ?? 0)) / 1000;
      utimesSync(path, time, time);
    }
    const { store, faults } = open(folder);
    await store.started;
    const kept = [leftovers.own, leftovers.fresh, leftovers.foreign];
    expect([unfinished(folder), faults]).toEqual([kept.map((name) => `incoming/${name}/1`).sort(), []]);
  });

  test('of a put are where nobody takes them for a blob, and are gone after it', async () => {
    const folder = newFolder();
    const one = content(1000);
    const { store } = open(folder);
    const sink = await store.put(one.key);
    await sink.write(one.bytes);
    const { store: another } = open(folder);
    await another.started;
    expect([unfinished(folder).length, await listed(another)]).toEqual([1, []]);
    await sink.commit();
    expect(unfinished(folder)).toEqual([]);
    await store.close();
    expect(readdirSync(join(folder, 'incoming'))).toEqual([]);
  });
});

describe('signs of life', () => {
  test('are given while something is being written, and no longer', async () => {
    const folder = newFolder();
    const beats: (() => void)[] = [];
    const cleared = jest.spyOn(globalThis, 'clearInterval');
    jest.spyOn(globalThis, 'setInterval').mockImplementation(((beat: () => void) => {
      beats.push(beat);
      return { unref: () => 'the beat' };
    }) as never);
    const { store } = open(folder);
    const sinks = [await store.put(content(10).key), await store.put(content(10).key)] as const;
    const own = join(folder, 'incoming', readdirSync(join(folder, 'incoming'))[0] as string);
    utimesSync(own, 1, 1);
    expect(beats).toHaveLength(1);
    beats[0]?.();
    expect(await until(() => Date.now() - statSync(own).mtimeMs < 60_000)).toBe(true);
    await sinks[0].abort();
    expect(cleared).not.toHaveBeenCalledWith('the beat');
    await sinks[1].abort();
    expect(cleared).toHaveBeenCalledWith('the beat');
  });

  test('of another host are waited for, and then its files go', async () => {
    const folder = newFolder();
    const path = join(folder, 'incoming/0123456789ab-1-77-0123456789ab');
    mkdirSync(path, { recursive: true });
    const later: (() => void)[] = [];
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, delay: number) => {
      if (delay > SILENCE) later.push(work);
      return { unref: () => undefined };
    }) as never);
    await open(folder).store.started;
    jest.restoreAllMocks();
    expect([existsSync(path), later.length]).toEqual([true, 1]);
    utimesSync(path, 1, 1);
    later[0]?.();
    expect(await until(() => !existsSync(path))).toBe(true);
  });
});

describe('making room', () => {
  test('says how much is taken, once it has looked', async () => {
    const { store } = open(newFolder());
    const body = content(100 * KIB);
    await putBlob(store, body);
    await store.prune();
    const { bytes = 0 } = store.occupied;
    expect(bytes).toBeGreaterThanOrEqual(100 * KIB);
    await store.delete(body.key);
    expect(store.occupied.bytes).toBeLessThan(bytes);
  });

  test('takes several looks where there are very many files, and the oldest go first', async () => {
    const folder = newFolder();
    const blobs = join(folder, 'blobs/sha256');
    mkdirSync(blobs, { recursive: true });
    const names = Array.from({ length: 5000 }, (_, index) => (index * 7919).toString(16).padStart(64, '0'));
    for (const [index, name] of names.entries()) {
      writeFileSync(join(blobs, name), 'x');
      utimesSync(join(blobs, name), 1000 + index, 1000 + index);
    }
    const { store } = open(folder);
    expect(await store.prune({ maxBytes: 100 * 4096 })).toEqual({ entries: 4900, bytes: 4900 });
    expect(readdirSync(blobs).sort()).toEqual(names.slice(4900).sort());
    expect(await store.prune({ usedBefore: 5_950_000 })).toEqual({ entries: 50, bytes: 50 });
  });

  test('leaves what is used while it looks', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    const [one, other] = [content(1000), content(1000)];
    await putBlob(store, one);
    await putBlob(store, other);
    for (const { key } of [one, other]) utimesSync(pathOf(folder, key), 1, 1);
    const look = fs.stat;
    let isUsed = false;
    jest.spyOn(fs, 'stat').mockImplementation((async (path: string) => {
      const found = await look(path);
      if (path === pathOf(folder, one.key) && !isUsed) {
        isUsed = true;
        await read(store, one.key);
      }
      return found;
    }) as never);
    expect(await store.prune({ usedBefore: 1_000_000 })).toEqual({ entries: 1, bytes: 1000 });
    expect([await has(store, one), await has(store, other)]).toEqual([true, false]);
  });
});

describe('a reader', () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const onLinux = process.platform === 'linux' ? test : test.skip;

  onLinux('frees its file, however it ends', async () => {
    const folder = newFolder();
    const one = content(1_000_000);
    const { store } = open(folder);
    await putBlob(store, one);
    const before = descriptors();
    for (let round = 0; round < 20; round++) {
      for await (const _ of (await store.get(one.key)) ?? []) break;
      await (await store.get(one.key))?.close();
      await read(store, one.key, { first: 10 });
      await faultOf(store.get(one.key, { first: 1_000_000 }));
      const sink = await store.put(one.key);
      await sink.write(one.bytes);
      for await (const _ of sink.read?.({ first: 0 }) ?? []) break;
      await (round % 2 === 0 ? sink.abort() : sink.commit());
    }
    // what earlier tests left open may be closed meanwhile
    expect(await until(() => descriptors() <= before)).toBe(true);
  });

  test('that is slow is not read ahead of', async () => {
    const folder = newFolder();
    const one = content(4_000_000);
    const { store } = open(folder);
    await putBlob(store, one);
    let bytes = 0;
    const openFile = fs.open;
    jest.spyOn(fs, 'open').mockImplementation(async (...args) => {
      const handle = await openFile(...args);
      const readFrom = handle.read.bind(handle) as (...all: unknown[]) => Promise<{ bytesRead: number }>;
      return Object.assign(handle, {
        async read(...all: unknown[]) {
          const result = await readFrom(...all);
          bytes += result.bytesRead;
          return result;
        },
      });
    });
    const reading = (await store.get(one.key)) as AsyncIterable<Uint8Array>;
    const iterator = reading[Symbol.asyncIterator]();
    await iterator.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bytes).toBeLessThanOrEqual(512 * KIB);
    await iterator.return?.();
  });

  test('writes the time of its use only now and then', async () => {
    const folder = newFolder();
    let now = 1_700_000_000_000;
    const { store } = open(folder, { now: () => now });
    const one = content(1000);
    await putBlob(store, one);
    const utimes = jest.spyOn(fs, 'utimes');
    const times = [0, TOUCH_EVERY - 1, 1, TOUCH_EVERY - 1, 1];
    const seen: (number | undefined)[] = [];
    for (const pause of times) {
      now += pause;
      await read(store, one.key);
      seen.push((await store.stat(one.key))?.usedAt);
    }
    const [first, second] = [1_700_000_000_000, 1_700_000_000_000 + TOUCH_EVERY];
    expect(seen).toEqual([first, first, second, second, second + TOUCH_EVERY]);
    expect(utimes.mock.calls.filter(([path]) => path === pathOf(folder, one.key))).toHaveLength(2);
  });
});

describe('two stores of one folder', () => {
  test('see what the other has', async () => {
    const folder = newFolder();
    const [one, other] = [open(folder).store, open(folder).store];
    const blobs = [content(1000), content(1000)] as const;
    await putBlob(one, blobs[0]);
    await putBlob(other, blobs[1]);
    expect([await has(one, blobs[1]), await has(other, blobs[0])]).toEqual([true, true]);
    await Promise.all([putBlob(one, blobs[0]), putBlob(other, blobs[0])]);
    expect(await listed(one)).toHaveLength(2);
    await one.delete(blobs[0].key);
    expect(await read(other, blobs[0].key)).toBeUndefined();
  });

  test('hold one limit, nearly, and take nothing from a reader', async () => {
    const folder = newFolder();
    const maxBytes = 2000 * KIB;
    const [one, other] = [open(folder, { maxBytes }), open(folder, { maxBytes })];
    const kept = content(400 * KIB);
    await putBlob(one.store, kept);
    const old = new Date(Date.now() - 3_600_000);
    await fs.utimes(pathOf(folder, kept.key), old, old);
    const reading = (await other.store.get(kept.key, { first: 0 })) as AsyncIterable<Uint8Array>;
    await fs.utimes(pathOf(folder, kept.key), old, old);
    const fill = async (store: DiskStore) => {
      for (let round = 0; round < 30; round++) await putBlob(store, content(100 * KIB));
    };
    await Promise.all([fill(one.store), fill(other.store)]);
    await Promise.all([one.store.prune(), other.store.prune()]);
    const bytes = (await listed(one.store)).reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThanOrEqual(maxBytes);
    expect(bytes).toBeGreaterThan(maxBytes / 2);
    expect(await one.store.stat(kept.key)).toBeUndefined();
    expect((await bytesFrom(reading)).equals(kept.bytes)).toBe(true);
    expect([one.faults, other.faults]).toEqual([[], []]);
  });

  test('may have found a folder that is too full', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    for (let round = 0; round < 10; round++) await putBlob(store, content(100 * KIB));
    const { store: small } = open(folder, { maxBytes: 500 * KIB });
    await putBlob(small, content(10 * KIB));
    await small.prune();
    expect((await listed(small)).reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(500 * KIB);
  });
});
