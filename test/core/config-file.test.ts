import { randomUUID } from 'node:crypto';
import { readConfig } from '../../src/core/config';
import type { ConfigError } from '../../src/core/config-error';
import { type Files, noFiles } from '../../src/core/files';
import type { S3Place } from '../../src/core/s3-place';
import { hrefOf } from '../../src/core/url';

const PATH = '/etc/docker/registry/config.yml';

/** A file of this content, and no other. */
const holding = (content: unknown): Files => ({
  ...noFiles,
  document: (path) => {
    if (path !== PATH) throw new Error('there is no such file');
    return content;
  },
});

const read = (content: unknown, env: Record<string, string> = {}, argv: string[] = [], file = {}) =>
  readConfig({ CONFIG_FILE: PATH, ...env }, argv, file, holding(content));

const faults = (...all: Parameters<typeof read>): readonly string[] => {
  try {
    read(...all);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
};

const PROXY = { version: 0.1, proxy: { remoteurl: 'https://r.example.com' } };

describe('a config.yml', () => {
  test('says what holds', () => {
    const secret = randomUUID();
    const config = read(
      {
        version: 0.1,
        log: { level: 'warning', formatter: 'logstash' },
        http: {
          addr: '127.0.0.1:5001',
          host: 'https://mirror.example.com',
          draintimeout: '1m30s',
          tls: { certificate: '/tls.crt', key: '/tls.key' },
        },
        storage: { filesystem: { rootdirectory: '/var/lib/registry' }, delete: { enabled: true } },
        proxy: { remoteurl: 'https://gcr.io', username: '_json_key', password: secret, ttl: '72h' },
      },
      { ANONYMOUS_PULL: 'true' },
    );
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 5001,
      publicUrl: { scheme: 'https', hostname: 'mirror.example.com', port: 443 },
      tls: { cert: '/tls.crt', key: '/tls.key' },
      logLevel: 'warn',
      logFormat: 'json',
      timeouts: { shutdown: 90_000 },
      upstreams: [{ name: 'gcr.io', accounts: [{ kind: 'login', username: '_json_key', password: secret }] }],
      cache: { place: { kind: 'disk', folder: '/var/lib/registry' }, inactive: 72 * 3_600_000 },
      notes: [],
    });
  });

  test('comes last: after flags, the environment and .env', () => {
    const url = (...all: Parameters<typeof read>) => hrefOf(read(...all).upstreams[0].url);
    expect(url(PROXY)).toBe('https://r.example.com');
    expect(url(PROXY, { REGISTRY_PROXY_REMOTEURL: 'https://env.example.com' })).toBe('https://env.example.com');
    expect(url(PROXY, {}, ['-registryHost=flag.example.com'])).toBe('https://flag.example.com');
    expect(url(PROXY, {}, [], { REGISTRY_BACKEND: 'file.example.com' })).toBe('https://file.example.com');
  });

  test.each<[string, Record<string, string>, string[], Record<string, string>]>([
    ['a flag', {}, ['--config', PATH], {}],
    ['serve', {}, ['serve', PATH], {}],
    ['.env', {}, [], { CONFIG_FILE: PATH }],
    ['distribution’s own variable', { REGISTRY_CONFIGURATION_PATH: PATH }, [], {}],
  ])('may be named by %s', (_, env, argv, file) => {
    const config = readConfig(env, argv, file, holding(PROXY));
    expect(hrefOf(config.upstreams[0].url)).toBe('https://r.example.com');
  });

  test('that is not a proxy’s needs a registry from somewhere', () => {
    const store = { version: 0.1, storage: { filesystem: { rootdirectory: '/r' } }, proxy: { remoteurl: ' ' } };
    expect(faults(store)).toEqual([
      expect.stringMatching(/^\/etc\/docker\/registry\/config\.yml: proxy\.remoteurl: is missing; .+REGISTRY_BACKEND$/),
    ]);
    expect(faults(store, { REGISTRY_BACKEND: ' ' })).toHaveLength(1);
    expect(faults(store, { REGISTRY_PROXY_REMOTEURL: 'https://r.example.com' })).toEqual([]);
    expect(faults(store, { REGISTRIES: 'ghcr.io' })).toEqual([]);
  });

  test('may say where a bucket is, and what opens it', () => {
    const [accesskey, secretkey] = [randomUUID(), randomUUID()];
    const s3 = { accesskey, secretkey, region: 'r-1', regionendpoint: 'http://minio:9000', bucket: 'images' };
    const { cache, notes } = read({ ...PROXY, storage: { s3 } }, { AWS_SESSION_TOKEN: randomUUID() });
    expect(cache?.place).toMatchObject({
      kind: 's3',
      bucket: 'images',
      endpoint: { scheme: 'http', hostname: 'minio', port: 9000 },
      keys: { id: accesskey, secret: secretkey },
    });
    expect((cache?.place as S3Place | undefined)?.keys).not.toHaveProperty('token');
    expect(notes).toEqual([]);
  });

  test('names two stores as the contradiction that they are', () => {
    const storage = { inmemory: {}, filesystem: { rootdirectory: '/r' } };
    expect(faults({ ...PROXY, storage })).toEqual([
      expect.stringMatching(/storage\.filesystem\.rootdirectory=\/r and .+storage\.inmemory=memory: both set CACHE/),
    ]);
  });

  test('names what it holds in vain, and no value of it', () => {
    const secret = randomUUID();
    const content = {
      ...PROXY,
      health: { storagedriver: { enabled: true } },
      http: { secret },
      storage: { gcs: { bucket: secret } },
      proxy: { ...PROXY.proxy, ttl: '168h' },
    };
    const { notes } = read(content, { REGISTRY_STORAGE_S3_BUCKET: secret });
    expect(notes).toEqual([
      'environment: ignored REGISTRY_STORAGE_S3_BUCKET',
      `${PATH}: ignored health, http.secret, storage.gcs`,
      'proxy.ttl: without effect, since nothing is kept (CACHE=none)',
    ]);
  });
});

describe('a fault', () => {
  test.each<[string, unknown, string]>([
    [
      'of a setting',
      { version: 0.1, proxy: { remoteurl: 'ftp://r' } },
      'proxy.remoteurl=ftp://r: expected an http(s) URL',
    ],
    ['of an address', { ...PROXY, http: { addr: '/run/r.sock' } }, 'http.addr=/run/r.sock: expected host:port'],
    ['of a duration', { ...PROXY, http: { draintimeout: 'soon' } }, 'http.draintimeout=soon: expected a duration'],
    ['of a type', { ...PROXY, log: { level: ['info'] } }, 'log.level: expected text'],
    ['of the version', { ...PROXY, version: 0.2 }, 'version: expected 0.1'],
    ['of the whole', 'text', 'expected sections'],
    ['of an empty file', null, 'expected sections'],
  ])('%s names the file and the key', (_, content, fault) => {
    expect(faults(content)).toEqual([expect.stringContaining(`${PATH}: ${fault}`)]);
  });

  test('prints no password, wherever it was put', () => {
    const secret = randomUUID();
    const found = faults({ ...PROXY, proxy: { remoteurl: `https://u:${secret}@r`, password: `${secret}\n${secret}` } });
    expect(found.length).toBeGreaterThan(1);
    expect(found.join()).not.toContain(secret);
  });

  test('of a file that cannot be read names who named it', () => {
    const fault = (env: Record<string, string>, argv: string[] = []) => {
      try {
        return readConfig(env, argv, {}, holding({}));
      } catch (error) {
        return (error as ConfigError).faults;
      }
    };
    expect(fault({ CONFIG_FILE: '/absent' })).toEqual(['CONFIG_FILE=/absent: there is no such file']);
    expect(fault({}, ['--config=/absent'])).toEqual(['--config=/absent: there is no such file']);
  });

  test('are two names of two files', () => {
    expect(faults(PROXY, { REGISTRY_CONFIGURATION_PATH: '/other.yml' })).toEqual([
      expect.stringContaining('both set CONFIG_FILE, to different values'),
    ]);
  });
});
