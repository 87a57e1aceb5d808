import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskStore } from '../../src/storage/disk';
import { named } from '../../src/storage/key';
import { content, faultOf, has, listed, putBlob, putDocument, read } from './bytes';
import { base } from './folder';

const KIB = 1024;
const root = mkdtempSync(join(base, 'store-'));
afterAll(() => rmSync(root, { recursive: true }));

const stores: DiskStore[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const store of stores.splice(0)) await store.close();
});

function open(options: { reserveBytes?: number; maxBytes?: number; now?: () => number } = {}) {
  const folder = mkdtempSync(join(root, 'disk-'));
  const store = new DiskStore({ folder, ...options });
  stores.push(store);
  return { store, folder };
}

const failure = (code: string) => Object.assign(new Error(code), { code });

/** From now on, files that are opened for writing fail in one of their calls. */
function breakFiles(call: 'open' | 'write' | 'datasync' | 'utimes', code: string): void {
  const openFile = fs.open;
  jest.spyOn(fs, 'open').mockImplementation(async (path, flags, mode) => {
    const isWritten = typeof flags === 'string' && flags.startsWith('w');
    if (isWritten && call === 'open') throw failure(code);
    const handle = await openFile(path, flags, mode);
    return isWritten ? Object.assign(handle, { [call]: async () => Promise.reject(failure(code)) }) : handle;
  });
}

const unfinished = (folder: string) =>
  readdirSync(join(folder, 'incoming'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

describe('a put', () => {
  const codes = [
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EROFS', 'denied'],
    ['EACCES', 'denied'],
    ['EMFILE', 'busy'],
    ['EIO', 'io'],
  ] as const;
  const calls = ['open', 'datasync', 'utimes', 'rename'] as const;
  const table = [
    ...codes.map(([code, fault]) => ['write', code, fault] as const),
    ...calls.map((call) => [call, 'ENOSPC', 'full'] as const),
  ];

  test.each(table)('that meets %s with %s fails with %s, and nothing else does', async (call, code, fault) => {
    const { store, folder } = open();
    const [kept, one] = [content(1000), content(100_000)];
    await putBlob(store, kept);
    if (call === 'rename') jest.spyOn(fs, 'rename').mockRejectedValue(failure(code));
    else breakFiles(call, code);
    expect(await faultOf(putBlob(store, one))).toBe(fault);
    if (call !== 'datasync') expect(await faultOf(putDocument(store, named('tag'), 'text'))).toBe(fault);
    expect(await has(store, kept)).toBe(true);
    expect([await store.stat(one.key), (await listed(store)).length, unfinished(folder)]).toEqual([undefined, 1, []]);
    jest.restoreAllMocks();
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
  });

  test('says what to do', async () => {
    const { store } = open();
    breakFiles('open', 'EACCES');
    const one = content(10);
    await expect(store.put(one.key)).rejects.toThrow(
      `${one.key.digest} cannot be written: the user that the process runs as may not do this; change the owner of the folder`,
    );
  });

  test('goes on where the system takes fewer bytes than it is given', async () => {
    const { store } = open();
    const openFile = fs.open;
    jest.spyOn(fs, 'open').mockImplementation(async (...args) => {
      const handle = await openFile(...args);
      const write = handle.write.bind(handle) as (...all: unknown[]) => ReturnType<FileHandle['write']>;
      const short = (bytes: Uint8Array, offset: number, length: number, position: number) =>
        write(bytes, offset, Math.min(length, 999), position);
      return Object.assign(handle, { write: short });
    });
    const one = content(20_000);
    await putBlob(store, one);
    await putDocument(store, named('tag'), 'x'.repeat(5000));
    expect(await has(store, one)).toBe(true);
    expect((await read(store, named('tag')))?.toString()).toBe('x'.repeat(5000));
  });

  test('fails where an early sync did, though the last one does not', async () => {
    const { store, folder } = open();
    const openFile = fs.open;
    let syncs = 0;
    jest.spyOn(fs, 'open').mockImplementation(async (...args) => {
      const handle = await openFile(...args);
      const datasync = async () => {
        syncs += 1;
        if (syncs === 1) throw failure('EIO');
      };
      return Object.assign(handle, { datasync });
    });
    expect(await faultOf(putBlob(store, content(40 * KIB * KIB)))).toBe('io');
    expect([syncs, await listed(store), unfinished(folder)]).toEqual([2, [], []]);
  });
});

describe('a reader', () => {
  test.each([
    ['EMFILE', 'busy'],
    ['EACCES', 'denied'],
    ['EIO', 'io'],
  ])('that meets %s fails with %s, and the entry stays', async (code, fault) => {
    const { store } = open();
    const one = content(1000);
    await putBlob(store, one);
    jest.spyOn(fs, 'open').mockRejectedValue(failure(code));
    expect(await faultOf(store.get(one.key))).toBe(fault);
    jest.restoreAllMocks();
    expect(await has(store, one)).toBe(true);
  });
});

describe('a disk without room', () => {
  /** The disk has so many bytes left, and more with each file that is removed. */
  function limitDisk(free: number, perFile = 0) {
    let removed = 0;
    const unlink = fs.unlink;
    jest.spyOn(fs, 'unlink').mockImplementation(async (path) => {
      await unlink(path);
      removed += 1;
    });
    jest
      .spyOn(fs, 'statfs')
      .mockImplementation((async () => ({ bsize: 1, blocks: 1e12, bavail: free + removed * perFile })) as never);
  }

  test('takes no put, at once, and keeps what would not be enough', async () => {
    const { store } = open({ reserveBytes: 1000 * KIB });
    const kept = content(100 * KIB);
    await putBlob(store, kept);
    limitDisk(500 * KIB);
    const [opened, looked] = [jest.spyOn(fs, 'open'), jest.spyOn(fs, 'opendir')];
    expect(await faultOf(store.put(content(10).key, { size: 10 }))).toBe('full');
    expect(opened).not.toHaveBeenCalled();
    const looks = looked.mock.calls.length;
    expect(await faultOf(store.put(content(10).key, { size: 10 }))).toBe('full');
    expect(looked.mock.calls.length).toBe(looks);
    expect(await has(store, kept)).toBe(true);
  });

  test('gets room from what was used longest ago, and from no more than that', async () => {
    let now = 1_700_000_000_000;
    const { store } = open({ reserveBytes: 1000 * KIB, now: () => now });
    const blobs = Array.from({ length: 6 }, () => content(100 * KIB));
    for (const each of blobs) {
      await putBlob(store, each);
      now += 3_600_000;
    }
    limitDisk(1000 * KIB, 100 * KIB);
    const one = content(150 * KIB);
    await putBlob(store, one);
    const left = (await listed(store)).map(({ key }) => key);
    expect(left).toHaveLength(5);
    for (const { key } of [...blobs.slice(2), one]) expect(left).toContainEqual(key);
  });

  test('counts what other puts were promised', async () => {
    const { store } = open({ reserveBytes: 0 });
    limitDisk(100 * KIB);
    const first = await store.put(content(10).key, { size: 60 * KIB });
    expect(await faultOf(store.put(content(10).key, { size: 60 * KIB }))).toBe('full');
    await first.abort();
    breakFiles('open', 'EMFILE');
    expect(await faultOf(store.put(content(10).key, { size: 60 * KIB }))).toBe('busy');
    jest.restoreAllMocks();
    limitDisk(100 * KIB);
    const second = await store.put(content(10).key, { size: 60 * KIB });
    await second.abort();
  });

  test('is not meant where a file system does not say', async () => {
    const { store } = open();
    jest.spyOn(fs, 'statfs').mockImplementation((async () => ({ bsize: 1, blocks: 0, bavail: 0 })) as never);
    const one = content(10);
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
  });
});
