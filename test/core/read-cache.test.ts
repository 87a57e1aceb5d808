import { randomUUID } from 'node:crypto';
import { type Config, readConfig } from '../../src/core/config';
import type { ConfigError } from '../../src/core/config-error';
import { type Files, noFiles } from '../../src/core/files';
import type { S3Place } from '../../src/core/s3-place';

const MIB = 1024 * 1024;

const place = (env: Record<string, string>, argv: string[] = []) => readConfig(env, argv).cache?.place;

function faults(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

test('nothing is kept unless somebody says so, and what holds then is said', () => {
  expect(readConfig({}).cache).toBeUndefined();
  expect(readConfig({ CACHE: 'disk:/c' }).cache).toEqual({
    place: { kind: 'disk', folder: '/c' },
    tagLifetime: expect.any(Function),
    stale: 7 * 24 * 3_600_000,
    staleMissing: false,
    negative: 10_000,
    inactive: 0,
  });
});

describe('the place', () => {
  test.each<[Record<string, string>, object | undefined]>([
    [{ CACHE: 'memory' }, { kind: 'memory', maxBytes: 256 * MIB }],
    [
      { CACHE: 'memory', CACHE_MAX_SIZE: '16m' },
      { kind: 'memory', maxBytes: 16 * MIB },
    ],
    [{ CACHE_DIR: '/c' }, { kind: 'disk', folder: '/c' }],
    [
      { CACHE_DIR: 'c', CACHE_MAX_SIZE: '1t' },
      { kind: 'disk', folder: 'c', maxBytes: MIB * MIB },
    ],
    [
      { CACHE: 'disk', CACHE_DIR: '/c' },
      { kind: 'disk', folder: '/c' },
    ],
    [
      { CACHE: 'disk:/c', CACHE_DIR: '/c' },
      { kind: 'disk', folder: '/c' },
    ],
    [{ CACHE: 'none', CACHE_DIR: '/c' }, undefined],
    [{ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/var/lib/registry' }, { kind: 'disk', folder: '/var/lib/registry' }],
    [{ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: ' ' }, undefined],
  ])('%j', (env, expected) => {
    expect(place(env)).toEqual(expected);
  });

  test('is decided by a flag before the environment, under any name', () => {
    const env = { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/registry' };
    expect(place(env, ['--cache=none'])).toBeUndefined();
    expect(place({ CACHE: 'none' }, ['--registry-storage-filesystem-rootdirectory', '/r'])).toEqual({
      kind: 'disk',
      folder: '/r',
    });
  });
});

describe('other programs’ names', () => {
  test('of lifetimes are in seconds, or as Go writes them', () => {
    const { cache } = readConfig({ CACHE: 'memory', MANIFEST_TAG_TTL: '120', REGISTRY_PROXY_TTL: '168h0m0s' });
    expect(cache?.tagLifetime({ registry: 'docker.io', repository: 'library/a', tag: 'b' })).toBe(120_000);
    expect(cache?.inactive).toBe(168 * 3_600_000);
  });
});

describe('the lifetime of a tag', () => {
  const lifetime = (env: Record<string, string>, registry: string, repository: string) =>
    readConfig({ CACHE: 'memory', ...env }).cache?.tagLifetime({ registry, repository, tag: 'x' });

  test('is a minute where nothing else is said of it', () => {
    expect(lifetime({ CACHE_TAG_TTL: 'latest=1h' }, 'docker.io', 'library/a')).toBe(60_000);
  });

  test('goes by the name that clients know, as everything that patterns decide', () => {
    const env = { REGISTRY_BACKEND: 'https://gcr.io', REPO_PREFIX: 'my-project', CACHE_TAG_TTL: 'team/app=1h,1s' };
    expect(lifetime(env, 'gcr.io', 'my-project/team/app')).toBe(3_600_000);
    expect(lifetime(env, 'gcr.io', 'team/app')).toBe(3_600_000);
    expect(lifetime(env, 'docker.io', 'team/app')).toBe(1000);
  });

  test('is the same function for the same rules, and another one for others: a reload compares', () => {
    const of = (config: Config) => config.cache?.tagLifetime;
    const env = { CACHE: 'memory', CACHE_TAG_TTL: 'latest=1h,1s' };
    const one = of(readConfig(env));
    expect(of(readConfig(env))).toBe(one);
    expect(of(readConfig({ ...env, CACHE_TAG_TTL: '1s' }))).not.toBe(one);
    expect(of(readConfig({ ...env, REGISTRY_BACKEND: 'ghcr.io' }))).not.toBe(one);
  });
});

describe('a bucket', () => {
  const CACHE = 's3://images/hub?endpoint=http://minio:9000&region=r-1';

  test('is opened by keys of its own before those of the environment', () => {
    const [id, secret, token, other] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const aws = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token };
    expect(place({ CACHE, ...aws })).toMatchObject({ kind: 's3', prefix: 'hub/', keys: { id, secret, token } });
    const own = { CACHE_ACCESS_KEY: other, CACHE_SECRET_KEY: other };
    expect((place({ CACHE, ...aws, ...own }) as S3Place).keys).toEqual({ id: other, secret: other });
  });

  test('has faults that are named without what may be secret', () => {
    const secret = randomUUID();
    expect(faults({ CACHE: `${CACHE}&key=${secret}` })).toEqual([
      expect.stringMatching(/^CACHE=s3:\/\/images\/hub\?\*\*\*: .*key is no parameter/),
    ]);
    expect(faults({ CACHE, CACHE_ACCESS_KEY: secret })).toEqual([
      'CACHE_ACCESS_KEY and CACHE_SECRET_KEY belong together: set both or neither',
    ]);
    expect(faults({ CACHE: `s3://id:${secret}@images`, CACHE_MAX_SIZE: '1g' }).join()).not.toContain(secret);
  });

  test('has no size of its own', () => {
    const keys = { CACHE_ACCESS_KEY: 'a', CACHE_SECRET_KEY: randomUUID() };
    expect(faults({ CACHE, CACHE_MAX_SIZE: '1g', ...keys })).toEqual([
      expect.stringMatching(/^CACHE_MAX_SIZE=1g: a bucket/),
    ]);
  });
});

describe('the bucket of a Worker', () => {
  const PLATFORM = 'cloudflare-workers';
  const GIB = 1024 * MIB;

  test('is the only store there', () => {
    expect(place({ PLATFORM, CACHE: 'r2' })).toEqual({ kind: 'r2', prefix: '' });
    expect(place({ PLATFORM, CACHE: 'r2:hub' })).toEqual({ kind: 'r2', prefix: 'hub/' });
    const others: Record<string, string>[] = [
      { CACHE: 'memory' },
      { CACHE: 'disk:/c' },
      { CACHE_DIR: '/c' },
      { CACHE: 's3://images?region=r-1' },
    ];
    const said = others.map((env) => faults({ PLATFORM, ...env }));
    expect(said).toEqual(
      others.map(() => [expect.stringMatching(/^CACHE.*: a Worker keeps content in R2 alone; bind/)]),
    );
    expect(readConfig({ PLATFORM }).cache).toBeUndefined();
  });

  test.each(['node', 'aliyun-fc'])('is none on %s, where it is reached by S3', (platform) => {
    expect(faults({ PLATFORM: platform, CACHE: 'r2' })).toEqual([
      expect.stringMatching(/^CACHE=r2: .* CACHE=s3:\/\/bucket\?endpoint=/),
    ]);
  });

  test.each<[Record<string, string>, string]>([
    [{ CACHE_REDIRECT: '10m' }, 'CACHE_REDIRECT=10m: a bucket that is bound to a Worker has no signed URLs'],
    [{ CACHE_MAX_SIZE: '1g' }, 'CACHE_MAX_SIZE=1g: a bucket is limited by lifecycle rules'],
    [{ CACHE_MAX_BLOB: '5g' }, 'CACHE_MAX_BLOB=5g: a Worker hands R2 at most 4.99g at a time'],
  ])('has no use for %j', (env, fault) => {
    expect(faults({ PLATFORM, CACHE: 'r2', ...env })).toEqual([expect.stringContaining(fault)]);
  });

  test('has a limit for blobs, which others have where it is set', () => {
    const limit = (env: Record<string, string>) => readConfig(env).cache?.maxBlob;
    expect(limit({ PLATFORM, CACHE: 'r2' })).toBe(4 * GIB);
    expect(limit({ PLATFORM, CACHE: 'r2', CACHE_MAX_BLOB: '100m' })).toBe(100 * MIB);
    expect(limit({ CACHE: 'memory', CACHE_MAX_BLOB: '20g' })).toBe(20 * GIB);
    expect(limit({ CACHE: 'memory' })).toBeUndefined();
  });
});

describe('a contradiction', () => {
  test.each<[Record<string, string>, string]>([
    [{ CACHE: 'disk' }, 'CACHE=disk: names no folder; set CACHE_DIR'],
    [{ CACHE: 'memory', CACHE_DIR: '/c' }, 'CACHE and CACHE_DIR: a folder is of no use with memory'],
    [{ CACHE: 'disk:/a', CACHE_DIR: '/b' }, 'CACHE and CACHE_DIR: name different folders'],
    [
      { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/a', CACHE_DIR: '/b' },
      'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY and CACHE_DIR: name different folders',
    ],
    [
      { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/a', CACHE: 'memory' },
      'CACHE=memory and REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/a: both set CACHE, to different values',
    ],
    [{ CACHE: 'memory', CACHE_REDIRECT: '10m' }, 'CACHE_REDIRECT=10m: only an object store can be redirected to'],
    [{ CACHE_DIR: '/c', CACHE_REDIRECT: '10m' }, 'CACHE_REDIRECT=10m: only an object store can be redirected to'],
    [{ CACHE_DIR: '/c', CACHE_MAX_SIZE: '15.9m' }, 'CACHE_MAX_SIZE=15.9m: too small, expected 16m or more'],
    [{ CACHE: 'memory', MANIFEST_TAG_TTL: '60', CACHE_TAG_TTL: '90' }, 'both set CACHE_TAG_TTL, to different values'],
  ])('of %j', (env, fault) => {
    expect(faults(env)).toEqual([expect.stringContaining(fault)]);
  });
});

describe('what is set without a cache is said, and no fault', () => {
  test.each<[Record<string, string>, string[]]>([
    [{}, []],
    [{ CACHE: 'none', CACHE_TAG_TTL: '60s', CACHE_INACTIVE: '0', CACHE_REDIRECT: 'off' }, []],
    [{ DOWNLOAD_CONNECTIONS: '4' }, []],
    [{ CACHE_MAX_SIZE: '32g' }, ['CACHE_MAX_SIZE']],
    [{ CACHE_REDIRECT: '10m' }, ['CACHE_REDIRECT']],
    [{ REGISTRY_PROXY_TTL: '168h', CACHE_STALE: '1d' }, ['CACHE_STALE', 'REGISTRY_PROXY_TTL']],
    [{ CACHE: 'none', CACHE_DIR: '/c' }, ['CACHE_DIR']],
    [{ CACHE: 'memory', CACHE_STALE: '1d' }, []],
  ])('%j', (env, names) => {
    const note = `${names.join(', ')}: without effect, since nothing is kept (CACHE=none)`;
    expect(readConfig(env).notes).toEqual(names.length > 0 ? [note] : []);
  });
});

test('CACHE_DIR wins over the store of a config.yml, which comes last', () => {
  const content = {
    version: 0.1,
    proxy: { remoteurl: 'https://r.example.com' },
    storage: { filesystem: { rootdirectory: '/r' } },
  };
  const files: Files = { ...noFiles, document: () => content };
  const read = (env: Record<string, string>) =>
    readConfig({ CONFIG_FILE: '/c.yml', ...env }, [], {}, files).cache?.place;
  expect(read({})).toEqual({ kind: 'disk', folder: '/r' });
  expect(read({ CACHE_DIR: '/c' })).toEqual({ kind: 'disk', folder: '/c' });
  expect(read({ CACHE: 'none' })).toBeUndefined();
});
