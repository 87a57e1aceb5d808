import { createHash, randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiskStore } from '../../src/storage/disk';
import { bytesFrom, content, has, listed } from './bytes';
import { ownMounts, storeProcesses } from './process';

const ROUNDS = 50;
const KIB = 1024;

let processes: Awaited<ReturnType<typeof storeProcesses>>;
beforeAll(async () => {
  processes = await storeProcesses();
});
afterAll(() => processes.stop());

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

describe('a process that is killed', () => {
  test(`${ROUNDS} times while it writes, leaves nothing wrong and nothing unfinished`, async () => {
    const folder = join(processes.folder, 'killed');
    const survivor = new DiskStore({ folder });
    const mine = content(300_000);
    const sink = await survivor.put(mine.key);
    await sink.write(mine.bytes.subarray(0, 100_000));
    let leftovers = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const child = processes.start(process.execPath, processes.program, 'fill', folder);
      await child.ready;
      await new Promise((resolve) => setTimeout(resolve, randomInt(40)));
      child.kill();
      await child.exited;
      expect([child.lines(), child.err()]).toEqual([[{ ready: true }], '']);
      leftovers += filesIn(join(folder, 'incoming')).length - 1;
    }
    // or else nobody was killed while there was something to lose
    expect(leftovers).toBeGreaterThan(ROUNDS / 5);

    const faults: Error[] = [];
    const store = new DiskStore({ folder, onFault: (error) => faults.push(error) });
    await store.started;
    expect(filesIn(join(folder, 'incoming'))).toHaveLength(1);
    await sink.write(mine.bytes.subarray(100_000));
    await sink.commit();
    expect(filesIn(join(folder, 'incoming'))).toEqual([]);

    expect(await has(store, mine)).toBe(true);
    const blobs = filesIn(join(folder, 'blobs'));
    expect(blobs.length).toBeGreaterThan(ROUNDS / 2);
    for (const path of blobs) {
      expect(path).toBe(join(folder, 'blobs/sha256', createHash('sha256').update(readFileSync(path)).digest('hex')));
    }
    const documents = await listed(store, 'document');
    expect(documents).toHaveLength(filesIn(join(folder, 'documents')).length);
    for (const { key } of documents) {
      const reading = await store.get(key);
      const n = Number(reading?.entry.head?.n);
      expect(reading && (await bytesFrom(reading)).toString()).toBe(`body ${n} `.repeat(n));
    }
    expect(JSON.parse(readFileSync(join(folder, 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(faults).toEqual([]);
    await Promise.all([store.close(), survivor.close()]);
    expect(readdirSync(join(folder, 'incoming'))).toEqual([]);
  }, 60_000);
});

describe('two processes with one folder', () => {
  test('hold its limit together, nearly, and store nothing wrong', async () => {
    const folder = join(processes.folder, 'shared');
    const limit = 1500 * KIB;
    const children = [1, 2].map(() =>
      processes.start(process.execPath, processes.program, 'share', folder, String(limit)),
    );
    expect(await Promise.all(children.map(({ exited }) => exited))).toEqual([0, 0]);
    for (const child of children) expect([child.lines(), child.err()]).toEqual([[{ done: true }], '']);
    const blobs = filesIn(join(folder, 'blobs'));
    const bytes = blobs.reduce((sum, path) => sum + readFileSync(path).length, 0);
    // each may not have seen the last twentieth that the other wrote, and its last file
    expect(bytes).toBeLessThanOrEqual(limit * 1.1 + 120 * KIB);
    expect(bytes).toBeGreaterThan(limit / 2);
    for (const path of blobs) {
      expect(path).toContain(createHash('sha256').update(readFileSync(path)).digest('hex'));
    }
    expect(readdirSync(join(folder, 'incoming'))).toEqual([]);
  });
});

const mounts = ownMounts();
const withMounts = mounts ? describe : describe.skip;

withMounts(`a disk of its own${mounts ? '' : ' (skipped: this user may not mount)'}`, () => {
  /** Plays it on a file system of 8 MiB that goes with the process. */
  async function play(scenario: string) {
    const folder = join(processes.folder, scenario);
    mkdirSync(folder);
    const script = 'mount -t tmpfs -o size=8m tmpfs "$2" && exec "$0" "$1" "$3" "$2"';
    const [command = '', ...words] = mounts ?? [];
    const node = process.execPath;
    const child = processes.start(command, ...words, 'sh', '-c', script, node, processes.program, folder, scenario);
    expect([await child.exited, child.err()]).toEqual([0, '']);
    return child.lines();
  }

  test('that is full refuses what is put, loses nothing, and makes room where it may', async () => {
    expect(await play('overfill')).toEqual([
      { faults: ['full'], isReadable: true },
      { unfinished: 0, again: 'done' },
      { isOldGone: true, isLastThere: true },
      { early: 'full', isLastThere: true },
    ]);
  });

  test('that becomes read-only is read on', async () => {
    expect(await play('lock')).toEqual([
      { puts: ['denied', 'denied'], others: ['denied', 'denied'], isReadable: true, verdict: 'right' },
    ]);
  });
});

test('a process with too many open files refuses some puts, and goes on', async () => {
  const folder = join(processes.folder, 'crowd');
  const script = 'ulimit -n 64 && exec "$0" "$@"';
  const child = processes.start('sh', '-c', script, process.execPath, processes.program, 'crowd', folder);
  expect([await child.exited, child.err()]).toEqual([0, '']);
  expect(child.lines()).toEqual([
    {
      faults: ['busy', 'done'],
      read: 'busy',
      again: ['done', 'done', 'done', 'done', 'done'],
      isReadable: true,
      unfinished: 0,
    },
  ]);
});
