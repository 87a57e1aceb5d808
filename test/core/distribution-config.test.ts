import { randomUUID } from 'node:crypto';
import {
  distributionNotes,
  readDistributionConfig,
  readDistributionVariables,
} from '../../src/core/distribution-config';
import type { Setting } from '../../src/core/setting';
import { settings } from '../../src/core/settings';

const table: readonly Setting[] = settings;
const isSetting = (name: string) => table.some((each) => each.name === name || each.aliases?.includes(name));

const read = (content: unknown, isKnown = isSetting) => {
  const faults: string[] = [];
  return { ...readDistributionConfig(content, isKnown, faults), faults };
};

const NOTHING = { given: [], ignored: [], faults: [] };

describe('a key', () => {
  test.each([
    ['proxy', 'remoteurl', 'REGISTRY_PROXY_REMOTEURL', 'REGISTRY_BACKEND'],
    ['proxy', 'username', 'REGISTRY_PROXY_USERNAME', 'REGISTRY_USERNAME'],
    ['proxy', 'password', 'REGISTRY_PROXY_PASSWORD', 'REGISTRY_PASSWORD'],
    ['http', 'addr', 'REGISTRY_HTTP_ADDR', 'PORT'],
    ['http', 'host', 'REGISTRY_HTTP_HOST', 'PUBLIC_URL'],
    ['http', 'draintimeout', 'REGISTRY_HTTP_DRAINTIMEOUT', 'SHUTDOWN_TIMEOUT'],
    ['proxy', 'ttl', 'REGISTRY_PROXY_TTL', 'CACHE_INACTIVE'],
    ['log', 'level', 'REGISTRY_LOG_LEVEL', 'LOG_LEVEL'],
    ['log', 'formatter', 'REGISTRY_LOG_FORMATTER', 'LOG_FORMAT'],
  ])('%s.%s is what %s sets: %s', (section, key, name, setting) => {
    expect(read({ [section]: { [key]: ' x ' } })).toEqual({
      ...NOTHING,
      given: [{ key: `${section}.${key}`, name, text: 'x' }],
    });
    expect(table.find((each) => each.name === setting)?.aliases).toContain(name);
  });

  test('of a section within a section too', () => {
    expect(read({ storage: { filesystem: { rootdirectory: '/r' } } }).given).toEqual([
      {
        key: 'storage.filesystem.rootdirectory',
        name: 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY',
        text: '/r',
      },
    ]);
    expect(read({ http: { tls: { certificate: '/c', key: '/k' } } }).given).toEqual([
      { key: 'http.tls.certificate', name: 'REGISTRY_HTTP_TLS_CERTIFICATE', text: '/c' },
      { key: 'http.tls.key', name: 'REGISTRY_HTTP_TLS_KEY', text: '/k' },
    ]);
  });

  test.each([
    ['version', { version: 0.1 }],
    ['version, in quotes', { version: '0.1' }],
    ['an empty section', { proxy: null, http: {}, auth: null }],
    ['no login', { auth: 'none' }],
    ['no login, as a section', { auth: { none: {} } }],
    ['an empty value', { proxy: { remoteurl: '', username: null, password: '  ' } }],
  ])('%s says nothing', (_, content) => {
    expect(read(content)).toEqual(NOTHING);
  });

  test.each([[{ storage: 'inmemory' }], [{ storage: { inmemory: null } }], [{ storage: { inmemory: {} } }]])(
    '%j is a cache in memory',
    (content) => {
      expect(read(content)).toEqual({
        ...NOTHING,
        given: [{ key: 'storage.inmemory', name: 'CACHE', text: 'memory' }],
      });
    },
  );

  test('of a bucket is one address, and its keys are settings of their own', () => {
    const [id, secret] = [randomUUID(), randomUUID()];
    const s3 = {
      accesskey: id,
      secretkey: secret,
      region: 'us-east-1',
      regionendpoint: 'minio:9000',
      secure: false,
      forcepathstyle: true,
      bucket: 'images',
      rootdirectory: '/mirror/hub',
      encrypt: false,
      chunksize: 5242880,
    };
    const found = read({ storage: { s3, delete: { enabled: true } } });
    expect(found).toEqual({
      ...NOTHING,
      given: [
        { key: 'storage.s3.accesskey', name: 'REGISTRY_STORAGE_S3_ACCESSKEY', text: id },
        { key: 'storage.s3.secretkey', name: 'REGISTRY_STORAGE_S3_SECRETKEY', text: secret },
        {
          key: 'storage.s3',
          name: 'CACHE',
          text: 's3://images/mirror/hub?endpoint=http%3A%2F%2Fminio%3A9000&region=us-east-1&pathStyle=true',
        },
      ],
      ignored: ['storage.s3.encrypt', 'storage.s3.chunksize'],
    });
    expect(read({ storage: { s3: { bucket: 'b-1', region: 'eu-west-1' } } }).given).toEqual([
      { key: 'storage.s3', name: 'CACHE', text: 's3://b-1/?region=eu-west-1' },
    ]);
  });

  test('may be 0 without quotes where it is a lifetime, as its documentation has it', () => {
    expect(read({ proxy: { ttl: 0 } }).given).toEqual([{ key: 'proxy.ttl', name: 'REGISTRY_PROXY_TTL', text: '0' }]);
    expect(read({ proxy: { ttl: 168 } }).faults).toEqual([expect.stringContaining('proxy.ttl: expected text')]);
  });

  test.each<[object, string[]]>([
    [{ health: { storagedriver: { enabled: true } } }, ['health']],
    [{ notifications: { endpoints: [] }, redis: { addr: 'x' } }, ['notifications', 'redis']],
    [{ loglevel: 'debug' }, ['loglevel']],
    [{ storage: 'azure' }, ['storage']],
    [{ log: { fields: { service: 'r' }, accesslog: { disabled: true } } }, ['log.fields', 'log.accesslog']],
    [{ storage: { cache: { blobdescriptor: 'inmemory' }, gcs: { bucket: 'b' } } }, ['storage.cache', 'storage.gcs']],
    [{ storage: { delete: { enabled: true, x: 1 }, redirect: { disable: false } } }, ['storage.delete.x']],
    [{ storage: { filesystem: { maxthreads: 100 } } }, ['storage.filesystem.maxthreads']],
    [{ http: { headers: { A: ['b'] }, tls: { minimumtls: 'tls1.2' } } }, ['http.headers', 'http.tls.minimumtls']],
    [{ proxy: { exec: { command: 'x' }, remoteURL: 'x' } }, ['proxy.exec', 'proxy.remoteURL']],
    [{ 'a\n b': 1 }, ['a??b']],
  ])('that means nothing here is named: %j', (content, ignored) => {
    expect(read(content)).toEqual({ ...NOTHING, ignored });
  });

  test('of a key file of Google loses its line ends', () => {
    const key = { type: 'service_account', private_key: 'a\nb' };
    const password = JSON.stringify(key, undefined, 2);
    expect(read({ proxy: { password } }).given[0].text).toBe(JSON.stringify(key));
    expect(read({ proxy: { password: '{a\nb' } }).given[0].text).toBe('{a\nb');
  });
});

describe('a login of the proxy’s own', () => {
  const content = { auth: { htpasswd: { realm: 'Registry Realm', path: '/auth/htpasswd' } } };

  test('is taken over where there is one', () => {
    const isKnown = (name: string) => isSetting(name) || name.startsWith('REGISTRY_AUTH');
    expect(read(content, isKnown)).toEqual({
      ...NOTHING,
      given: [
        { key: 'auth.htpasswd.realm', name: 'REGISTRY_AUTH_HTPASSWD_REALM', text: 'Registry Realm' },
        { key: 'auth.htpasswd.path', name: 'REGISTRY_AUTH_HTPASSWD_PATH', text: '/auth/htpasswd' },
        { key: 'auth.htpasswd', name: 'REGISTRY_AUTH', text: 'htpasswd' },
      ],
    });
    expect(read({ auth: { token: { realm: 'x' } } }, isKnown).faults).toHaveLength(1);
  });

  test('is never ignored: the proxy would be open, and its owner would not know', () => {
    const isUnknown = (name: string) => isSetting(name) && !name.startsWith('REGISTRY_AUTH');
    expect(read(content, isUnknown)).toEqual({
      ...NOTHING,
      faults: [expect.stringMatching(/^auth: is not supported/)],
    });
  });
});

describe('a fault', () => {
  test.each<[unknown, string]>([
    [{ version: 0.2 }, 'version: expected 0.1'],
    [{ version: { a: 1 } }, 'version: expected 0.1'],
    [{ proxy: { username: 17 } }, 'proxy.username: expected text; put it in quotes'],
    [{ proxy: { remoteurl: ['https://r'] } }, 'proxy.remoteurl: expected text; put it in quotes'],
    [{ http: { draintimeout: true } }, 'http.draintimeout: expected text; put it in quotes'],
    [{ proxy: 'https://r' }, 'proxy: expected a section'],
    [{ auth: 'htpasswd' }, 'auth: expected a section'],
    [{ http: [] }, 'http: expected a section'],
    [{ http: { tls: true } }, 'http.tls: expected a section'],
    [{ storage: { s3: { region: 'r' } } }, 'storage.s3.bucket: is missing'],
    [{ storage: { s3: { bucket: 'b-1', region: 1 } } }, 'storage.s3.region: expected text; put it in quotes'],
    [{ storage: { s3: { bucket: 'b-1', secure: 'perhaps' } } }, 'storage.s3.secure: expected true or false'],
    [{ storage: { s3: 'b-1' } }, 'storage.s3: expected a section'],
    [[], 'expected sections such as proxy: and http:'],
    [null, 'expected sections such as proxy: and http:'],
    ['x', 'expected sections such as proxy: and http:'],
    [{ auth: { token: { realm: 'x' } } }, 'auth.token: is not supported'],
    [{ auth: { silly: {} } }, 'auth.silly: is not supported'],
    [{ http: { tls: { clientcas: ['/ca.pem'] } } }, 'http.tls.clientcas: is not supported: without it everybody'],
    [{ http: { tls: { letsencrypt: { email: 'x' } } } }, 'http.tls.letsencrypt: is not supported: name a certificate'],
  ])('is %j', (content, fault) => {
    const isKnown = (name: string) => isSetting(name) || name.startsWith('REGISTRY_AUTH');
    expect(read(content, isKnown)).toEqual({ ...NOTHING, faults: [expect.stringContaining(fault)] });
  });
});

describe('a variable of distribution', () => {
  const readEnv = (env: Record<string, string>) => {
    const faults: string[] = [];
    return { ...readDistributionVariables(env, isSetting, faults), faults };
  };

  test('that means nothing here is named', () => {
    const env = {
      REGISTRY_STORAGE_S3_BUCKET: randomUUID(),
      REGISTRY_HTTP_SECRET: randomUUID(),
    };
    expect(readEnv(env)).toEqual({
      ...NOTHING,
      ignored: ['REGISTRY_STORAGE_S3_BUCKET', 'REGISTRY_HTTP_SECRET'],
    });
  });

  test('that is a setting, is empty, or is somebody else’s says nothing', () => {
    const env = {
      REGISTRY_PROXY_REMOTEURL: 'https://r',
      REGISTRY_HTTP_ADDR: ':5000',
      REGISTRY_PROXY_TTL: '168h',
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/r',
      REGISTRY_STORAGE_DELETE_ENABLED: 'true',
      REGISTRY_STORAGE_REDIRECT_DISABLE: 'true',
      REGISTRY_BACKEND: 'x',
      REGISTRY_STORAGE_S3_BUCKET: ' ',
      REGISTRY_AUTH: 'none',
      REGISTRY_MIRROR: 'x',
      REGISTRY_HTTPS_PORT: 'x',
      MY_REGISTRY_STORAGE: 'x',
    };
    expect(readEnv(env)).toEqual(NOTHING);
  });

  test.each(['REGISTRY_HTTP', 'REGISTRY_AUTH', 'REGISTRY_PROXY'])('is told from the links to a service %s', (name) => {
    const links = {
      [`${name}_SERVICE_HOST`]: '10.0.0.1',
      [`${name}_SERVICE_PORT`]: '5000',
      [`${name}_SERVICE_PORT_HTTP`]: '5000',
      [`${name}_PORT`]: 'tcp://10.0.0.1:5000',
      [`${name}_PORT_5000_TCP`]: 'tcp://10.0.0.1:5000',
      [`${name}_PORT_5000_TCP_ADDR`]: '10.0.0.1',
    };
    expect(readEnv(links)).toEqual(NOTHING);
  });

  test.each(['REGISTRY_AUTH_TOKEN_REALM', 'REGISTRY_AUTH_SILLY_REALM', 'REGISTRY_HTTP_TLS_CLIENTCAS_0'])(
    '%s stops the start: without it the proxy would be open',
    (name) => {
      expect(readEnv({ [name]: 'x' })).toEqual({ ...NOTHING, faults: [expect.stringContaining(`${name}: is not`)] });
    },
  );
});

test('what is ignored is said in one line', () => {
  expect(distributionNotes('x', { given: [], ignored: ['a', 'b'] })).toEqual(['x: ignored a, b']);
  expect(distributionNotes('x', { given: [], ignored: [] })).toEqual([]);
});
