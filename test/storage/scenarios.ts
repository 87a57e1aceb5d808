// What a process of its own does with a store: <scenario> <folder> [limit]. It prints lines of JSON.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DiskStore } from '../../src/storage/disk';
import { blob, named } from '../../src/storage/key';
import { StoreError } from '../../src/storage/store-error';

const [scenario = '', folder = '', limit] = process.argv.slice(2);
const KIB = 1024;
const say = (message: unknown) => console.log(JSON.stringify(message));
const contentOf = (bytes: Buffer) => ({
  key: blob(`sha256:${createHash('sha256').update(bytes).digest('hex')}`),
  bytes,
});

function open(options: { maxBytes?: number; reserveBytes?: number } = {}): DiskStore {
  return new DiskStore({ folder, ...options, onFault: (error) => say({ fault: error.message }) });
}

async function put(store: DiskStore, bytes: Buffer, isSizeKnown = true) {
  const one = contentOf(bytes);
  const sink = await store.put(one.key, isSizeKnown ? { size: bytes.length } : {});
  for (let at = 0; at < bytes.length; at += 16 * KIB) await sink.write(bytes.subarray(at, at + 16 * KIB));
  await sink.commit();
  return one.key;
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return error instanceof StoreError ? error.fault : String(error);
  }
}

async function isReadable(store: DiskStore, key: ReturnType<typeof blob>): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of (await store.get(key)) ?? []) hash.update(chunk);
  return `sha256:${hash.digest('hex')}` === key.digest;
}

const unfinished = () =>
  readdirSync(join(folder, 'incoming'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .length;

/** Fills without an end, several at a time: new blobs, ones that are there already, documents. */
async function fill(): Promise<void> {
  const store = open();
  const known = Array.from({ length: 4 }, (_, index) => Buffer.alloc(200 * KIB, index));
  const worker = async () => {
    for (;;) {
      const dice = randomInt(10);
      if (dice < 2) await put(store, known[randomInt(known.length)] as Buffer);
      else if (dice < 4) {
        const n = randomInt(1000);
        const sink = await store.put(named(`document ${randomInt(5)}`), { head: { n } });
        await sink.write(Buffer.from(`body ${n} `.repeat(n)));
        await sink.commit();
      } else await put(store, randomBytes(randomInt(1, 300 * KIB)));
    }
  };
  // Not before it writes: on a busy machine it would be killed with nothing to lose.
  await put(store, randomBytes(KIB));
  const working = Promise.all([worker(), worker(), worker()]);
  say({ ready: true });
  await working;
}

/** Fills a limited store that another process fills too. */
async function share(): Promise<void> {
  const store = open({ maxBytes: Number(limit) });
  for (let round = 0; round < 60; round++) await put(store, randomBytes(randomInt(1, 120 * KIB)));
  await store.prune();
  await store.close();
  say({ done: true });
}

/** Writes 12 MiB to a disk of 8. */
async function overfill(): Promise<void> {
  const store = open({ reserveBytes: 0 });
  const kept = await put(store, randomBytes(1024 * KIB));
  const sinks = await Promise.all([1, 2].map(() => store.put(contentOf(randomBytes(10)).key)));
  const faults = await Promise.all(
    sinks.map((sink) =>
      outcome(
        (async () => {
          for (let written = 0; written < 6 * KIB; written += 64) await sink.write(randomBytes(64 * KIB));
        })(),
      ),
    ),
  );
  say({ faults: [...new Set(faults)].filter((fault) => fault !== 'done'), isReadable: await isReadable(store, kept) });
  for (const sink of sinks) await sink.abort();
  say({ unfinished: unfinished(), again: await outcome(put(store, randomBytes(1024 * KIB))) });
  const careful = open({ reserveBytes: 2048 * KIB });
  const keys = [];
  for (let round = 0; round < 20; round++) keys.push(await put(careful, randomBytes(1024 * KIB)));
  const last = keys.at(-1) as ReturnType<typeof blob>;
  say({ isOldGone: !(await careful.stat(kept)), isLastThere: await isReadable(careful, last) });
  const greedy = open({ reserveBytes: 1024 * 1024 * KIB });
  say({ early: await outcome(greedy.put(kept, { size: 1 })), isLastThere: await isReadable(greedy, last) });
}

/** Goes on while the file system becomes read-only. */
async function lock(): Promise<void> {
  const store = open({ reserveBytes: 0 });
  const bytes = randomBytes(500 * KIB);
  const key = await put(store, bytes);
  await makeReadOnly(folder);
  const late = open({ reserveBytes: 0 });
  await late.started;
  say({
    puts: await Promise.all([outcome(put(store, randomBytes(10))), outcome(put(late, randomBytes(10)))]),
    others: await Promise.all([outcome(late.delete(key)), outcome(late.prune({ maxBytes: 0 }))]),
    isReadable: (await isReadable(store, key)) && (await isReadable(late, key)),
    verdict: await late.verify(key),
  });
}

/** Puts more at a time than the process may open files. */
async function crowd(): Promise<void> {
  const store = open();
  const kept = await put(store, randomBytes(100 * KIB));
  const bodies = Array.from({ length: 100 }, () => contentOf(randomBytes(1000)));
  const sinks = await Promise.allSettled(bodies.map(({ key }) => store.put(key)));
  const faults = sinks.map((each) => (each.status === 'fulfilled' ? 'done' : each.reason.fault));
  const read = await outcome(isReadable(store, kept));
  for (const each of sinks) if (each.status === 'fulfilled') await each.value.abort();
  const again = await Promise.all(bodies.slice(0, 5).map(({ bytes }) => outcome(put(store, bytes))));
  say({
    faults: [...new Set(faults)].sort(),
    read,
    again,
    isReadable: await isReadable(store, kept),
    unfinished: unfinished(),
  });
}

const scenarios: Record<string, () => Promise<void>> = { fill, share, overfill, lock, crowd };
scenarios[scenario]?.().catch((error) => {
  say({ failed: String(error) });
  process.exitCode = 1;
});

/** Busy for as long as a file is open for writing, which the kernel may close a moment later. */
async function makeReadOnly(folder: string): Promise<void> {
  for (const end = Date.now() + 5000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      execFileSync('mount', ['-o', 'remount,ro', folder], { stdio: 'pipe' });
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
