import { createHash, randomInt } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, open, type Reply } from '../upstream/client';
import { type Image, makeImage } from '../upstream/image';
import { type Registry, startRegistry } from '../upstream/registry';
import { until } from '../upstream/scene';
import { processFrom } from './process';

const ROUNDS = 50;
const MIB = 1024 * 1024;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** With SEED in the environment, a run that failed is played again, as far as the machine plays along. */
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));

/** Numbers from 0 to 1 (Park and Miller, "Random number generators: good ones are hard to find"). */
function chance(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

let program: Awaited<ReturnType<typeof processFrom>>;
let registry: Registry;
let folder: string;

beforeAll(async () => {
  program = await processFrom();
});
afterAll(() => program.stop());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cache-'));
  registry = await startRegistry();
});
afterEach(async () => {
  await registry.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(registry.accusations).toEqual([]);
});

const settings = () => ({
  HOST: '127.0.0.1',
  PORT: '0',
  REGISTRY_BACKEND: registry.url,
  CACHE: `disk:${join(folder, 'cache')}`,
  LOG_FORMAT: 'json',
  // Where what has no name would be seen while it has one.
  TMPDIR: folder,
});

function filesIn(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function expectRightFiles(): number {
  const blobs = filesIn(join(folder, 'cache/blobs'));
  for (const path of blobs) expect(path).toContain(createHash('sha256').update(readFileSync(path)).digest('hex'));
  return blobs.length;
}

/** Everything of the image that can be asked for, with what it is. */
function partsOf(image: Image, name = 'team/app'): [path: string, bytes: Buffer][] {
  return [
    [`/v2/${name}/manifests/v1`, image.manifest.bytes],
    [`/v2/${name}/manifests/${image.manifest.digest}`, image.manifest.bytes],
    ...[image.config, ...image.layers].map(
      ({ digest, bytes }) => [`/v2/${name}/blobs/${digest}`, bytes] as [string, Buffer],
    ),
  ];
}

test(`a process that is killed ${ROUNDS} times while it fetches (SEED=${SEED}) sends and keeps nothing wrong, and leaves nothing`, async () => {
  const next = chance(SEED);
  let cuts = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    // Every tenth round finds an image that it may have.
    const image = makeImage([4 * MIB, 600_000, 70_000], 'oci', Math.floor(round / 10) * 10 + 1);
    registry.add('team/app', 'v1', image);
    const running = program.start(settings());
    const { url } = await running.listening();
    const asked = partsOf(image).map(async ([path, bytes]): Promise<void> => {
      await pause(next() * 30);
      const reply = await ask(`${url}${path}`).catch(() => undefined);
      if (reply?.ending !== 'clean') cuts += 1;
      if (!reply) return;
      const isRight = reply.body.equals(bytes.subarray(0, reply.body.length));
      const isWhole = reply.body.length === bytes.length;
      expect([SEED, round, path, isRight, reply.ending === 'clean' && !isWhole]).toEqual([
        SEED,
        round,
        path,
        true,
        false,
      ]);
    });
    await pause(next() * 120);
    running.signal('SIGKILL');
    await running.exited;
    await Promise.all(asked);
    expectRightFiles();
    if (round % 10 === 9) rmSync(join(folder, 'cache'), { recursive: true, force: true });
  }
  // or else nobody was killed while there was something to lose
  expect(cuts).toBeGreaterThan(ROUNDS / 2);

  const image = makeImage([4 * MIB, 600_000, 70_000], 'oci', 1);
  registry.add('team/app', 'v1', image);
  const last = program.start(settings());
  const { url } = await last.listening();
  expect(await until(() => filesIn(join(folder, 'cache/incoming')).length === 0, 5000)).toBe(true);
  for (let time = 0; time < 2; time += 1) {
    for (const [path, bytes] of partsOf(image)) expect((await ask(`${url}${path}`)).body.equals(bytes)).toBe(true);
  }
  expect(await until(() => filesIn(join(folder, 'cache/incoming')).length === 0, 5000)).toBe(true);
  expect(expectRightFiles()).toBeGreaterThanOrEqual(5);
  expect(readdirSync(folder)).toEqual(['cache']);
  last.signal('SIGTERM');
  expect(await last.exited).toBe(0);
  expect(last.lines().filter(({ msg }) => /unhandled|uncaught/.test(String(msg)))).toEqual([]);
}, 180_000);

test('two processes with one folder pull the same and other things at once', async () => {
  const images = [1, 2, 3].map((seed) => makeImage([3 * MIB, 300_000], 'oci', seed));
  for (const [index, image] of images.entries()) registry.add(`team/app${index}`, 'v1', image);
  const running = [program.start(settings()), program.start(settings())];
  const urls = await Promise.all(running.map(async (each) => (await each.listening()).url));
  const pulls = urls.flatMap((url, index) =>
    [0, 1, 2]
      .filter((which) => which !== 1 - index)
      .flatMap((which) => partsOf(images[which] as Image, `team/app${which}`))
      .flatMap(([path, bytes]) => [1, 2].map(() => ask(`${url}${path}`).then((reply) => reply.body.equals(bytes)))),
  );
  expect((await Promise.all(pulls)).every(Boolean)).toBe(true);
  const isIdle = () => filesIn(join(folder, 'cache/incoming')).length === 0;
  expect(await until(isIdle, 5000)).toBe(true);
  expect(expectRightFiles()).toBe(3 * 4);
  await registry.stop();
  for (const url of urls) {
    const [path, bytes] = partsOf(images[2] as Image, 'team/app2').at(-1) as [string, Buffer];
    expect((await ask(`${url}${path}`)).body.equals(bytes)).toBe(true);
  }
  for (const each of running) each.signal('SIGTERM');
  expect(await Promise.all(running.map(({ exited }) => exited))).toEqual([0, 0]);
});

/** Reads as fast as a slow link. */
async function readSlowly(url: string): Promise<Pick<Reply, 'body' | 'ending'>> {
  const { response } = await open(url);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      if (chunks.length % 8 === 0) await pause(5);
    }
  } catch {}
  return { body: Buffer.concat(chunks), ending: response.complete ? 'clean' : 'destroyed' };
}

test('a process that may write no file of that size (ulimit -f) passes the blob on, also to who is far behind', async () => {
  const node = join(folder, 'limited');
  // In units of 512 bytes.
  writeFileSync(node, `#!/bin/sh\nulimit -f ${(3 * MIB) / 512}\nexec "${process.execPath}" "$@"\n`);
  chmodSync(node, 0o700);
  const limited = await processFrom(undefined, node);
  const image = makeImage([24 * MIB, 600_000], 'oci', 1);
  registry.add('team/app', 'v1', image);
  const running = limited.start(settings());
  const { url } = await running.listening();
  const [large, small] = image.layers as [Image['config'], Image['config']];
  const at = `${url}/v2/team/app/blobs/${large.digest}`;
  const [slow, fast] = await Promise.all([readSlowly(at), ask(at)]);
  expect([slow.ending, slow.body.equals(large.bytes)]).toEqual(['clean', true]);
  expect([fast.ending, fast.body.equals(large.bytes)]).toEqual(['clean', true]);
  for (let time = 0; time < 2; time += 1) {
    expect((await ask(`${url}/v2/team/app/blobs/${small.digest}`)).body.equals(small.bytes)).toBe(true);
  }
  expect(running.lines().some(({ msg, fault }) => msg === 'fault of the cache' && fault === 'full')).toBe(true);
  expect(filesIn(join(folder, 'cache/incoming'))).toEqual([]);
  running.signal('SIGTERM');
  expect(await running.exited).toBe(0);
  limited.stop();
}, 30_000);

test('a process that is told to stop in the middle of a fetch ends, and leaves nothing unfinished', async () => {
  const image = makeImage([3 * MIB], 'oci', 1);
  registry.add('team/app', 'v1', image);
  registry.fail(/blobs/, { kind: 'stall', after: MIB });
  const running = program.start({ ...settings(), SHUTDOWN_TIMEOUT: '300ms' });
  const { url } = await running.listening();
  const [layer] = image.layers as [Image['config']];
  const client = await open(`${url}/v2/team/app/blobs/${layer.digest}`);
  client.response.resume().on('error', () => {});
  expect(await until(() => filesIn(join(folder, 'cache/incoming')).length === 1, 3000)).toBe(true);
  running.signal('SIGTERM');
  expect(await running.exited).toBe(0);
  expect(filesIn(join(folder, 'cache/incoming'))).toEqual([]);
  expect(expectRightFiles()).toBe(0);
});
