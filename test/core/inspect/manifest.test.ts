import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readImageConfig } from '../../../src/core/inspect/image-config';
import { readInspected, typeIn } from '../../../src/core/inspect/manifest';
import { describePlatform, shareOut } from '../../../src/core/inspect/platforms';
import { configOf } from '../heads';

const D = (digit: string) => `sha256:${digit.repeat(64)}`;
const part = (digit: string, size = 10, mediaType = 'application/x') => ({ mediaType, digest: D(digit), size });
const OCI = 'application/vnd.oci.image.config.v1+json';
const DOCKER = 'application/vnd.docker.container.image.v1+json';
const read = (value: unknown) => readInspected(JSON.stringify(value));

describe('a manifest', () => {
  test.each([OCI, DOCKER])('with a config of %s is an image', (type) => {
    const seen = read({ schemaVersion: 2, config: part('c', 5, type), layers: [part('1'), part('1')] });
    expect(seen).toEqual({
      kind: 'image',
      config: part('c', 5, type),
      // The same layer twice is two layers.
      layers: [part('1'), part('1')],
    });
  });

  test.each<[string, object, string | undefined]>([
    [
      'of another config',
      { config: part('c', 5, 'application/vnd.cncf.helm.config.v1+json'), layers: [] },
      'application/vnd.cncf.helm.config.v1+json',
    ],
    ['that says so', { artifactType: 'text/x', config: part('c', 2, OCI), layers: [] }, 'text/x'],
    [
      'without a config that says anything',
      { config: part('c', 2, 'application/vnd.oci.empty.v1+json'), layers: [] },
      undefined,
    ],
    ['of the release candidates', { blobs: [part('1')], artifactType: 'a/b' }, 'a/b'],
  ])('%s is an artifact', (_, document, artifactType) => {
    const seen = read({ schemaVersion: 2, ...document });
    expect([seen.kind, seen.artifactType]).toEqual(['artifact', artifactType]);
  });

  test('an index keeps what runs, and drops what is about it', () => {
    const seen = read({
      manifests: [
        { ...part('1'), platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
        { ...part('2'), platform: { os: 'unknown', architecture: 'unknown' } },
        {
          ...part('3'),
          platform: { os: 'linux', architecture: 'amd64' },
          annotations: { 'vnd.docker.reference.type': 'x' },
        },
        part('4'),
        { ...part('5'), platform: { os: 7 } },
      ],
    });
    expect(seen.kind === 'index' && seen.entries.map(({ platform, digest }) => [platform, digest])).toEqual([
      ['linux/arm/v7', D('1')],
      ['', D('4')],
      ['', D('5')],
    ]);
  });

  test.each<[string, string]>([
    ['', 'is no JSON'],
    ['[]', 'is no manifest'],
    ['{}', 'is no manifest'],
    ['{"layers":{}}', 'is no manifest'],
    ['{"schemaVersion":1,"fsLayers":[]}', 'docker schema 1'],
    ['{"manifests":[],"config":{}}', 'at once'],
    ['{"manifests":[7]}', 'by no digest'],
    ['{"layers":[{"digest":"sha256:00","size":1}]}', 'by no digest'],
    [`{"layers":[{"digest":"${D('1')}","size":"9"}]}`, 'how long'],
    [`{"layers":[{"digest":"${D('1')}","size":9007199254740993}]}`, 'how long'],
  ])('%s is none: %s', (text, why) => expect(() => readInspected(text)).toThrow(why));

  test('what it says of itself has no power over other text', () => {
    const long = `${'\u001b[31m\u202e\n'}${'x'.repeat(5000)}`;
    const seen = read({ artifactType: long, config: part('c', 1, long), layers: [part('1', 1, long)] });
    for (const text of [
      seen.artifactType,
      seen.kind !== 'index' && seen.layers[0]?.mediaType,
      typeIn(`{"mediaType":${JSON.stringify(long)}}`),
    ]) {
      expect(text).toMatch(/^ \[31m {2}x+$/);
      expect(String(text).length).toBeLessThanOrEqual(200);
    }
    expect(typeIn('{"manifests":[]}')).toBe('application/vnd.oci.image.index.v1+json');
  });
});

describe("an image's config", () => {
  test.each<[unknown, string | undefined]>([
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    ['2026-01-02T03:04:05.123456789+08:00', '2026-01-02T03:04:05.123456789+08:00'],
    ['1970-01-01T00:00:00Z', undefined],
    ['1980-01-01T00:00:01Z', undefined],
    ['0001-01-01T00:00:00Z', undefined],
    ['yesterday', undefined],
    ['2026-01-02T03:04:05Z<script>', undefined],
    [1767225600, undefined],
    [null, undefined],
  ])('created %p is shown as %p', (created, shown) => {
    expect(readImageConfig(JSON.stringify({ created }), 0).created).toBe(shown);
  });

  test.each<[string, unknown, number, readonly string[]]>([
    ['each made one', [{ created_by: 'a' }, { created_by: 'b' }], 2, ['a', 'b']],
    [
      'some made none',
      [{ created_by: 'a' }, { created_by: 'E', empty_layer: true }, { created_by: 'b' }],
      2,
      ['a', 'b'],
    ],
    ['nobody knows which', [{ created_by: 'a' }], 2, []],
    ['something else', { length: 2 }, 2, []],
    ['no words', [{ created_by: 7 }, null], 2, ['', '']],
  ])('history: %s', (_, history, layers, commands) => {
    expect(readImageConfig(JSON.stringify({ history }), layers).commands).toEqual(commands);
  });

  test.each(['', '[]', '7', '{"os":7,"history":7}'])('%p says nothing, and is no fault', (text) => {
    expect(readImageConfig(text, 1)).toEqual({ platform: '', commands: [] });
  });

  test('a command is cut where it would fill the page', () => {
    const [command] = readImageConfig(JSON.stringify({ history: [{ created_by: 'x'.repeat(9000) }] }), 1).commands;
    expect(command?.length).toBe(500);
  });

  test('the index knows better what an image runs on; without one the config says', () => {
    const manifest = { kind: 'image', config: part('c', 7), layers: [part('1', 10)] } as const;
    const text = JSON.stringify({ os: 'linux', architecture: 'arm64' });
    expect(describePlatform(manifest, { digest: D('a'), platform: 'linux/arm64/v8' }, text).platform).toBe(
      'linux/arm64/v8',
    );
    expect(describePlatform(manifest, { digest: D('a'), platform: '' }, text)).toMatchObject({
      platform: 'linux/arm64',
      size: 17,
    });
  });
});

describe('of many platforms', () => {
  const entries = ['s390x', ...Array.from({ length: 20 }, (_, n) => `cpu${n}`), 'amd64', 'arm64'].map((cpu) => ({
    ...part('1'),
    platform: `linux/${cpu}`,
  }));
  const share = (env: Record<string, string>) => {
    const config = configOf(env);
    return shareOut(entries, { config, route: { upstream: config.upstreams[0] } as never });
  };
  const names = (all: readonly { platform: string }[]) => all.map(({ platform }) => platform);

  test('the usual ones are looked into before others, in their order', () => {
    const { chosen, others } = share({ REGISTRY_BACKEND: 'https://registry.example.com' });
    expect(names(chosen).slice(-2)).toEqual(['linux/amd64', 'linux/arm64']);
    expect([chosen.length, others.length]).toEqual([12, entries.length - 12]);
  });

  test('fewer where each counts as a pull and is not kept', () => {
    expect(names(share({}).chosen)).toEqual(['linux/amd64', 'linux/arm64']);
    expect(share({ CACHE: 'memory' }).chosen.length).toBe(12);
  });
});

test('of thousands of layers as many are told of as an image has that runs, and all of them are in its size', () => {
  const layers = Array.from({ length: 5000 }, () => part('1', 2));
  const commands = JSON.stringify({ history: layers.map((_, index) => ({ created_by: `RUN ${index}` })) });
  const report = describePlatform({ kind: 'image', layers }, { digest: D('a'), platform: 'linux/amd64' }, commands);
  expect([report.layers.length, report.omittedLayers, report.size]).toEqual([150, 4850, 10_000]);
  expect(report.layers[149]?.createdBy).toBe('RUN 149');
  const few = describePlatform({ kind: 'image', layers: layers.slice(0, 150) }, { digest: D('a'), platform: '' }, '');
  expect([few.layers.length, 'omittedLayers' in few]).toEqual([150, false]);
});

test('what is remembered of a long command keeps no more of it in memory than is shown', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const configWith = (command: string) => JSON.stringify({ os: 'linux', history: [{ created_by: command }] });
  const kept = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 20; count++) kept.push(readImageConfig(configWith(`RUN ${'x'.repeat(4e6)}${count}`), 1));
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20e6);
  expect(kept.map(({ commands }) => commands[0]?.length)).toEqual(Array.from({ length: 20 }, () => 500));
});
