import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spool } from '../../src/node/spool';
import { bytesFrom } from '../storage/bytes';
import { payload } from '../upstream/image';

let mockFolder: string | undefined;
jest.mock('node:os', () => {
  const os = jest.requireActual<typeof import('node:os')>('node:os');
  return { ...os, tmpdir: () => mockFolder ?? os.tmpdir() };
});

const TIB = 1024 ** 4;
const bytes = payload(700_000, 9);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-'));
  mockFolder = folder;
});

afterEach(() => {
  mockFolder = undefined;
  rmSync(folder, { recursive: true });
});

test('a spool gives what was written to it, and no name leads to it', async () => {
  const spool = await Spool.open(bytes.length);
  expect(readdirSync(folder)).toEqual([]);
  for (let at = 0; at < bytes.length; at += 100_000) await spool.write(bytes.subarray(at, at + 100_000));
  expect(spool.written).toBe(bytes.length);
  expect((await bytesFrom(spool.read(0, bytes.length - 1))).equals(bytes)).toBe(true);
  expect((await bytesFrom(spool.read(5, 300_000))).equals(bytes.subarray(5, 300_001))).toBe(true);
  spool.close();
});

test('who reads when it is closed reads on', async () => {
  const spool = await Spool.open(bytes.length);
  await spool.write(bytes);
  const reading = spool.read(0, bytes.length - 1);
  const first = (await reading.next()).value as Uint8Array;
  spool.close();
  spool.close();
  expect(Buffer.concat([first, await bytesFrom(reading)]).equals(bytes)).toBe(true);
  await expect(bytesFrom(spool.read(0, 1))).rejects.toThrow();
});

test('no more is promised than there is room for, and what is closed gives its room back', async () => {
  await expect(Spool.open(1e15)).rejects.toThrow('has no room for 1000000000000000 bytes more');
  const spools: Spool[] = [];
  // Each one alone would have room.
  const open = async () => {
    for (;;) spools.push(await Spool.open(TIB / 64));
  };
  await expect(open()).rejects.toThrow('has no room');
  const many = spools.length;
  for (const spool of spools.splice(0)) spool.close();
  await expect(open()).rejects.toThrow('has no room');
  expect(spools).toHaveLength(many);
  for (const spool of spools) spool.close();
});

test('one that cannot be made is a fault of its own', async () => {
  mockFolder = join(folder, 'missing');
  await expect(Spool.open(10)).rejects.toThrow('ENOENT');
});
