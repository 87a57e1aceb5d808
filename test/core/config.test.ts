import { randomUUID } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { capabilities } from '../../src/core/capabilities';
import { type Config, readConfig } from '../../src/core/config';
import { ConfigError } from '../../src/core/config-error';
import { noFiles } from '../../src/core/files';
import type { S3Place } from '../../src/core/s3-place';
import { settings } from '../../src/core/settings';
import { hrefOf } from '../../src/core/url';
import { hashPassword, makePassword } from '../../src/shell/made-passwords';

/** What is wrong with an environment, one line each; empty where nothing is. */
function faults(env: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

const upstream = (env: Record<string, string>) => readConfig(env).upstreams[0];

describe('without any setting', () => {
  test('Docker Hub is proxied', () => {
    const { upstreams, backendHost, ...rest } = readConfig({});
    expect(upstreams).toMatchObject([
      { name: 'docker.io', reach: 'public', proxyRedirect: true, handleRedirect: false, auth: 'relay', accounts: [] },
    ]);
    expect(hrefOf(upstreams[0].url)).toBe('https://registry-1.docker.io');
    expect(hrefOf(backendHost)).toBe('https://registry-1.docker.io');
    expect(rest).toMatchObject({
      host: '0.0.0.0',
      port: 3000,
      publicUrl: undefined,
      platform: 'node',
      chunkedAbove: Number.POSITIVE_INFINITY,
      logLevel: 'info',
      logFormat: 'auto',
      timeouts: { connect: 5000, response: 30_000, retry: 8000, stall: 20_000, client: 300_000, shutdown: 30_000 },
      trustProxy: { explicit: false },
    });
  });

  test('is the same as with every setting empty or blank', () => {
    const env = Object.fromEntries(settings.map(({ name }, index) => [name, index % 2 ? '' : '  ']));
    expect(readConfig(env)).toEqual(readConfig({}));
  });

  test('and with every default written out', () => {
    const env = Object.fromEntries(settings.map(({ name, fallback }) => [name, fallback]));
    expect(readConfig(env)).toEqual(readConfig({}));
  });

  test('the result cannot be changed', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });
});

/** A user with a hash as bcrypt makes them. */
const HASHED = `alice:${hashSync(randomUUID(), 4)}`;

const BUCKET = 's3://images?endpoint=http://minio:9000';

/** Settings that mean nothing alone. */
const PARTNERS: Record<string, Record<string, string>> = {
  REGISTRY_ACCOUNTS: { ANONYMOUS_PULL: 'true' },
  AUTH_HEADER: { ANONYMOUS_PULL: 'true' },
  BUDGET_ACTION: { BUDGET_CLIENT_BYTES: '1g' },
  OTEL_EXPORTER_OTLP_HEADERS: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
  OTEL_SERVICE_NAME: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
  OTEL_TRACES_SAMPLER_ARG: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
  ADMIN_TOKEN: { PLATFORM: 'cloudflare-workers' },
  AUTH_REALM: { HTPASSWD: HASHED },
  SATISFY: { HTPASSWD: HASHED, ALLOW_CLIENTS: 'private' },
  ACCESS: { HTPASSWD: `${HASHED},bob:${HASHED.slice(6)}` },
  TLS_CERT: { TLS_KEY: '/tls.key' },
  TLS_KEY: { TLS_CERT: '/tls.crt' },
  HTTP2: { TLS_CERT: '/tls.crt', TLS_KEY: '/tls.key' },
  CACHE_MAX_BLOB: { CACHE: 'memory' },
  CACHE_MAX_SIZE: { CACHE: 'memory' },
  CACHE_TAG_TTL: { CACHE: 'memory' },
  CACHE_STALE: { CACHE: 'memory' },
  CACHE_STALE_MISSING: { CACHE: 'memory' },
  CACHE_NEGATIVE_TTL: { CACHE: 'memory' },
  CACHE_INACTIVE: { CACHE: 'memory' },
  CACHE_REDIRECT: { CACHE: BUCKET, CACHE_ACCESS_KEY: 'a', CACHE_SECRET_KEY: randomUUID() },
  CACHE_ACCESS_KEY: { CACHE: BUCKET, CACHE_SECRET_KEY: 'b' },
  CACHE_SECRET_KEY: { CACHE: BUCKET, CACHE_ACCESS_KEY: 'a' },
};

describe('half of what belongs together is named as it was written', () => {
  test.each<[Record<string, string>, string]>([
    [{ REGISTRY_HTTP_TLS_CERTIFICATE: '/c' }, 'REGISTRY_HTTP_TLS_CERTIFICATE=/c: needs TLS_KEY as well'],
    [{ REGISTRY_PROXY_USERNAME: 'a' }, 'REGISTRY_PROXY_USERNAME and REGISTRY_PASSWORD belong together'],
  ])('%j', (env, fault) => {
    expect(faults(env)).toEqual([expect.stringContaining(fault)]);
  });
});

describe('every setting', () => {
  const cases: [string, string, Partial<Config> | ((config: Config) => unknown), unknown?][] = [
    ['CONFIG_FILE', ' ', { notes: [] }],
    ['HOST', '::', { host: '::' }],
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65_535 }],
    ['TLS_CERT', ' /a b/tls.crt', { tls: { cert: '/a b/tls.crt', key: '/tls.key', http2: true } }],
    ['HTTP2', 'off', ({ tls }) => tls?.http2, false],
    ['TLS_KEY', 'tls.key', { tls: { cert: '/tls.crt', key: 'tls.key', http2: true } }],
    [
      'REGISTRY_BACKEND',
      'https://r.example.com/a/',
      ({ upstreams }) => hrefOf(upstreams[0].url),
      'https://r.example.com/a',
    ],
    ['REGISTRY_NAME', 'GHCR.io', ({ upstreams }) => upstreams[0].name, 'ghcr.io'],
    [
      'REGISTRIES',
      'ghcr.io, k8s.gcr.io corp=http://10.0.0.5:5000',
      ({ upstreams }) => upstreams.map(({ name, url, reach, auth }) => [name, hrefOf(url), reach, auth]),
      [
        ['docker.io', 'https://registry-1.docker.io', 'public', 'proxy'],
        ['ghcr.io', 'https://ghcr.io', 'public', 'proxy'],
        ['registry.k8s.io', 'https://registry.k8s.io', 'public', 'proxy'],
        ['corp', 'http://10.0.0.5:5000', 'any', 'proxy'],
      ],
    ],
    ['REGISTRY_USERNAME', ' ', ({ upstreams }) => upstreams[0].accounts, []],
    ['REGISTRY_PASSWORD', ' ', ({ upstreams }) => upstreams[0].accounts, []],
    [
      'REGISTRY_ACCOUNTS',
      'a:one, b:t:wo',
      ({ upstreams }) => upstreams[0].accounts,
      [
        { kind: 'login', username: 'a', password: 'one' },
        { kind: 'login', username: 'b', password: 't:wo' },
      ],
    ],
    ['AUTH_HEADER', 'Bearer x', ({ upstreams }) => upstreams[0].accounts, [{ kind: 'header', value: 'Bearer x' }]],
    ['ANONYMOUS_PULL', 'true', ({ upstreams }) => upstreams[0].auth, 'relay'],
    ['GOOGLE_APPLICATION_CREDENTIALS', '/key.json', ({ notes }) => notes.length, 1],
    ['REGISTRY_AUTH', 'none', ({ gate }) => gate, undefined],
    ['HTPASSWD', `${HASHED},bob:${HASHED.slice(6)}`, ({ gate }) => [...(gate?.users.keys() ?? [])], ['alice', 'bob']],
    ['HTPASSWD_FILE', '', ({ gate }) => gate, undefined],
    ['AUTH_REALM', 'My "images"', ({ gate }) => gate?.realm, 'My "images"'],
    ['ACCESS_SECRET', 'abcdef-0123456789', ({ gate }) => gate?.secret, 'abcdef-0123456789'],
    ['SATISFY', 'any', ({ gate }) => gate?.satisfy, 'any'],
    ['REPO_PREFIX', '/my-project/images/', ({ upstreams }) => upstreams[0].prefix, 'my-project/images'],
    ['DISABLE_BROWSER_REDIRECTS', 'false', { browserRedirects: false }],
    ['DEFAULT_BACKEND_HOST', 's.example.com', ({ backendHost }) => hrefOf(backendHost), 'https://s.example.com'],
    [
      'DEFAULT_BACKEND_HOST',
      'http://s.example.com:81/',
      ({ backendHost }) => hrefOf(backendHost),
      'http://s.example.com:81',
    ],
    ['PROXY_REDIRECT', 'false', ({ upstreams }) => upstreams[0].proxyRedirect, false],
    ['HANDLE_REDIRECT', 'true', ({ upstreams }) => upstreams[0].handleRedirect, true],
    ['HANDLE_REDIRECT', 'ON', ({ upstreams }) => upstreams[0].handleRedirect, true],
    ['HANDLE_REDIRECT', '1', ({ upstreams }) => upstreams[0].handleRedirect, true],
    ['HANDLE_REDIRECT', 'yes', ({ upstreams }) => upstreams[0].handleRedirect, true],
    ['PROXY_REDIRECT', '0', ({ upstreams }) => upstreams[0].proxyRedirect, false],
    ['PROXY_REDIRECT', 'no', ({ upstreams }) => upstreams[0].proxyRedirect, false],
    ['PROXY_REDIRECT', 'Off', ({ upstreams }) => upstreams[0].proxyRedirect, false],
    [
      'PUBLIC_URL',
      ' https://p.example.com:8443/ ',
      ({ publicUrl }) => ({ ...publicUrl, path: undefined, query: undefined }),
      { scheme: 'https', hostname: 'p.example.com', port: 8443 },
    ],
    ['TRUST_PROXY', 'true', ({ trustProxy }) => trustProxy, { peers: 'all', explicit: true }],
    ['TRUST_PROXY', 'false', ({ trustProxy }) => trustProxy, { peers: [], explicit: true }],
    [
      'TRUST_PROXY',
      '10.0.0.0/8, ::1 loopback',
      ({ trustProxy }) => trustProxy.peers,
      ['10.0.0.0/8', '::1', 'loopback'],
    ],
    ['ALLOW_PRIVATE_ADDRESSES', 'true', ({ upstreams }) => upstreams[0].reach, 'any'],
    [
      'ALLOW_IMAGES',
      'library/*, index.docker.io/acme/**',
      ({ guards }) => guards.allowImages,
      [
        { text: 'library/*', path: ['library', '*'] },
        { text: 'index.docker.io/acme/**', registry: 'docker.io', path: ['acme', '**'] },
      ],
    ],
    ['DENY_IMAGES', '**', ({ guards }) => guards.denyImages, [{ text: '**', registry: '**', path: [] }]],
    [
      'ALLOW_CLIENTS',
      '10.0.0.0/8 ::1,loopback',
      ({ guards }) => guards.allowClients,
      ['10.0.0.0/8', '::1', 'loopback'],
    ],
    ['RATE_LIMIT', '20/s burst 100', ({ guards }) => guards.rate, { count: 20, within: 1000, burst: 100 }],
    ['MAX_TRANSFERS', '12', ({ guards }) => guards.maxTransfers, 12],
    [
      'ACCESS',
      'alice: push team/**; *: pull **',
      ({ gate }) => gate?.rules?.map(({ who, actions }) => [who, actions]),
      [
        [['alice'], ['pull', 'push']],
        [['*'], ['pull']],
      ],
    ],
    ['CACHE', 'none', ({ cache }) => cache, undefined],
    ['CACHE', 'Memory', ({ cache }) => cache?.place, { kind: 'memory', maxBytes: 256 * 1024 * 1024 }],
    ['CACHE', 'disk: /var/my cache', ({ cache }) => cache?.place, { kind: 'disk', folder: '/var/my cache' }],
    ['CACHE_DIR', 'cache', ({ cache }) => cache?.place, { kind: 'disk', folder: 'cache' }],
    ['CACHE_MAX_BLOB', '500m', ({ cache }) => cache?.maxBlob, 500 * 1024 ** 2],
    ['CACHE_MAX_BLOB', '0', ({ cache }) => cache?.maxBlob, 0],
    ['CACHE_MAX_SIZE', '1.5g', ({ cache }) => cache?.place, { kind: 'memory', maxBytes: 1.5 * 1024 ** 3 }],
    [
      'CACHE_TAG_TTL',
      'latest=30s,1h',
      ({ cache }) =>
        ['latest', 'v1'].map((tag) => cache?.tagLifetime({ registry: 'docker.io', repository: 'library/nginx', tag })),
      [30_000, 3_600_000],
    ],
    ['CACHE_STALE', '1d12h', ({ cache }) => cache?.stale, 36 * 3_600_000],
    ['CACHE_STALE_MISSING', 'true', ({ cache }) => cache?.staleMissing, true],
    ['CACHE_NEGATIVE_TTL', '0', ({ cache }) => cache?.negative, 0],
    ['CACHE_INACTIVE', '60d', ({ cache }) => cache?.inactive, 60 * 24 * 3_600_000],
    ['CACHE_REDIRECT', 'off', ({ cache }) => cache?.redirect, undefined],
    ['CACHE_REDIRECT', '10m', ({ cache }) => cache?.redirect, 600_000],
    [
      'CACHE_ACCESS_KEY',
      'key',
      ({ cache }) => cache?.place,
      {
        kind: 's3',
        bucket: 'images',
        prefix: '',
        region: 'us-east-1',
        endpoint: { scheme: 'http', hostname: 'minio', port: 9000, path: '/', query: '' },
        publicEndpoint: { scheme: 'http', hostname: 'minio', port: 9000, path: '/', query: '' },
        pathStyle: true,
        keys: { id: 'key', secret: 'b' },
      },
    ],
    ['CACHE_SECRET_KEY', 'c', ({ cache }) => (cache?.place as S3Place | undefined)?.keys?.secret, 'c'],
    ['ADMIN_TOKEN', 'abcdefghijklmnop', ({ admin }) => admin?.token, 'abcdefghijklmnop'],
    ['DOWNLOAD_CONNECTIONS', '64', { downloadConnections: 64 }],
    ['PLATFORM', 'Aliyun-FC', { platform: 'aliyun-fc' }],
    ['PLATFORM', 'node', { platform: 'node' }],
    [
      'PLATFORM',
      'cloudflare-workers',
      { maxRequestBody: 100_000_000, maxSubrequests: 50, directAbove: 16 * 1024 * 1024 },
    ],
    ['MAX_REQUEST_BODY', '200m', { maxRequestBody: 200 * 1024 * 1024 }],
    ['MAX_SUBREQUESTS', '10000', { maxSubrequests: 10_000, directAbove: Number.POSITIVE_INFINITY }],
    ['MAX_RESPONSE', '6m', { maxResponse: 6 * 1024 * 1024, easyResponse: 6 * 1024 * 1024 }],
    ['OFFLOAD_WAIT', '20s', { offloadWait: 20_000 }],
    ['DELIVERY', 'Redirect', ({ upstreams }) => upstreams[0].delivery, 'redirect'],
    ['DIRECT_ABOVE', '64m', { directAbove: 64 * 1024 * 1024 }],
    ['BODY_FRAMING', 'chunked', { chunkedAbove: 4 * 1024 * 1024 }],
    ['BUDGET_CLIENT_BYTES', '50g', { budgets: { client: { bytes: 50 * 1024 ** 3 }, action: 'refuse' } }],
    ['BUDGET_CLIENT_REQUESTS', '20000', { budgets: { client: { requests: 20_000 }, action: 'refuse' } }],
    ['BUDGET_UPSTREAM_BYTES', '1t', { budgets: { upstream: { bytes: 1024 ** 4 }, action: 'refuse' } }],
    ['BUDGET_UPSTREAM_REQUESTS', '5000000', { budgets: { upstream: { requests: 5_000_000 }, action: 'refuse' } }],
    ['BUDGET_ACTION', 'Redirect', ({ budgets }) => budgets?.action, 'redirect'],
    ['DISABLE_LANDING_PAGE', 'true', ({ landingPage }) => landingPage, undefined],
    ['LANDING_PAGE_STATE', 'true', { landingPage: { showsState: true } }],
    ['SEARCH_BACKEND', 'none', ({ search }) => search, undefined],
    [
      'SEARCH_BACKEND',
      'https://far.example.com/base/',
      ({ search }) => search && hrefOf(search),
      'https://far.example.com/base',
    ],
    ['METRICS', 'public', { metrics: { isPublic: true, tokens: [] } }],
    ['METRICS', 'off', ({ metrics }) => metrics, undefined],
    ['METRICS_TOKEN', 'abcdefghijklmnop', { metrics: { isPublic: false, tokens: ['abcdefghijklmnop'] } }],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'http://collector:4318/',
      ({ tracing }) => tracing && [hrefOf(tracing.url), tracing.headers, tracing.service, tracing.ratio],
      ['http://collector:4318', [], 'registry-proxy', 1],
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'Authorization=Bearer%20x, x-y = 1',
      ({ tracing }) => tracing?.headers,
      [
        ['authorization', 'Bearer x'],
        ['x-y', '1'],
      ],
    ],
    ['OTEL_SERVICE_NAME', 'Our mirror', ({ tracing }) => tracing?.service, 'Our mirror'],
    ['OTEL_TRACES_SAMPLER_ARG', '.25', ({ tracing }) => tracing?.ratio, 0.25],
    ['CONNECT_TIMEOUT', '500ms', ({ timeouts }) => timeouts.connect, 500],
    ['RESPONSE_TIMEOUT', '1.5m', ({ timeouts }) => timeouts.response, 90_000],
    ['RETRY_TIMEOUT', '0', ({ timeouts }) => timeouts.retry, 0],
    ['STALL_TIMEOUT', '7', ({ timeouts }) => timeouts.stall, 7000],
    ['CLIENT_TIMEOUT', '1h', ({ timeouts }) => timeouts.client, 3_600_000],
    ['SHUTDOWN_TIMEOUT', '10 S', ({ timeouts }) => timeouts.shutdown, 10_000],
    ['SHUTDOWN_TIMEOUT', '1m30s', ({ timeouts }) => timeouts.shutdown, 90_000],
    ['SHUTDOWN_TIMEOUT', '24h0m0s', ({ timeouts }) => timeouts.shutdown, 86_400_000],
    ['LOG_LEVEL', 'SILENT', { logLevel: 'silent' }],
    ['LOG_LEVEL', 'Warning', { logLevel: 'warn' }],
    ['LOG_LEVEL', 'fatal', { logLevel: 'error' }],
    ['LOG_FORMAT', 'logstash', { logFormat: 'json' }],
    ['LOG_FORMAT', 'text', { logFormat: 'text' }],
  ];

  test('is tried here', () => {
    expect([...new Set(cases.map(([name]) => name))].sort()).toEqual(settings.map(({ name }) => name as string).sort());
  });

  test.each(cases)('%s=%s', (...[name, text, expected, value]) => {
    const config = readConfig({ ...PARTNERS[name], [name]: text }, [], {}, noFiles, []);
    if (typeof expected === 'function') expect(expected(config)).toEqual(value);
    else expect(config).toMatchObject(expected);
  });
});

describe('a fault', () => {
  test.each([
    ['HOST', 'a b'],
    ['HOST', 'a/b'],
    ['PORT', '-1'],
    ['REPO_PREFIX', 'Upper/Case'],
    ['REPO_PREFIX', 'a//b'],
    ['REGISTRIES', 'a b=//x'],
    ['REGISTRIES', '=https://x.example.com'],
    ['REGISTRIES', 'ghcr.io,https://u:p@quay.io'],
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '3000.5'],
    ['PORT', '0x50'],
    ['SHUTDOWN_TIMEOUT', '1m30'],
    ['SHUTDOWN_TIMEOUT', '30 30'],
    ['SHUTDOWN_TIMEOUT', 's'],
    ['TLS_CERT', '/tls.crt'],
    ['TLS_KEY', '/tls.key'],
    ['TLS_CERT', '/tls.crt\n/ca.crt'],
    ['REGISTRY_BACKEND', 'ftp://r.example.com'],
    ['REGISTRY_BACKEND', 'https://'],
    ['REGISTRY_BACKEND', 'https://r.example.com/?x'],
    ['REGISTRY_BACKEND', 'https://r.example.com/#x'],
    ['REGISTRY_BACKEND', 'https://r.example.com/a/../b'],
    ['REGISTRY_BACKEND', 'https://r.example.com//a'],
    ['REGISTRY_BACKEND', 'https://r.example.com/a%2fb'],
    ['REGISTRY_BACKEND', 'https://r.example.com\\a'],
    ['REGISTRY_BACKEND', 'https://user:pw@r.example.com'],
    ['REGISTRY_BACKEND', 'r.example.com:0'],
    ['REGISTRY_BACKEND', 'a b'],
    ['REGISTRY_NAME', 'docker.io/library'],
    ['REGISTRY_NAME', 'https://docker.io'],
    ['REGISTRY_NAME', 'docker.io:99999'],
    ['REGISTRY_NAME', '-'],
    ['DEFAULT_BACKEND_HOST', 'https://s.example.com/path'],
    ['DEFAULT_BACKEND_HOST', 's.example.com/path'],
    ['DEFAULT_BACKEND_HOST', 'ws://s.example.com'],
    ['PROXY_REDIRECT', 'maybe'],
    ['HANDLE_REDIRECT', '2'],
    ['PUBLIC_URL', 'p.example.com'],
    ['PUBLIC_URL', 'https://p.example.com/path'],
    ['PUBLIC_URL', 'https://user@p.example.com'],
    ['TRUST_PROXY', 'sometimes'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', 'true,10.0.0.0/8'],
    ['TRUST_PROXY', '1'],
    ['TRUST_PROXY', '10/8'],
    ['ALLOW_PRIVATE_ADDRESSES', 'x'],
    ['ALLOW_IMAGES', ','],
    ['ALLOW_IMAGES', 'nginx ghcr.io'],
    ['DENY_IMAGES', 'nginx:latest'],
    ['ALLOW_CLIENTS', 'true'],
    ['ALLOW_CLIENTS', '10.0.0.0/33'],
    ['ALLOW_CLIENTS', 'everybody'],
    ['RATE_LIMIT', '20'],
    ['RATE_LIMIT', '0/s'],
    ['MAX_TRANSFERS', '0'],
    ['MAX_TRANSFERS', '1.5'],
    ['ACCESS', 'alice: read **'],
    ['ACCESS', ';'],
    ['CACHE', 'redis'],
    ['CACHE', 'disk'],
    ['CACHE', 'disk:'],
    ['CACHE', 'memory:1g'],
    ['CACHE', 's3://'],
    ['CACHE', 's3://B?region=eu-west-1'],
    ['CACHE', '/var/cache'],
    ['CACHE_DIR', '/var\n/cache'],
    ['CACHE', 'r2:../x'],
    ['CACHE_MAX_BLOB', 'all'],
    ['CACHE_MAX_SIZE', '10 gigabytes'],
    ['CACHE_MAX_SIZE', '-1'],
    ['CACHE_MAX_SIZE', '15m'],
    ['CACHE_MAX_SIZE', '0'],
    ['CACHE_TAG_TTL', 'soon'],
    ['CACHE_TAG_TTL', ','],
    ['CACHE_STALE', '7 days'],
    ['CACHE_STALE', '6000w'],
    ['CACHE_STALE_MISSING', 'perhaps'],
    ['CACHE_NEGATIVE_TTL', '-1'],
    ['CACHE_INACTIVE', '1month'],
    ['CACHE_REDIRECT', 'true'],
    ['CACHE_REDIRECT', '8d'],
    ['DOWNLOAD_CONNECTIONS', '0'],
    ['DOWNLOAD_CONNECTIONS', '65'],
    ['PLATFORM', 'lambda'],
    ['BODY_FRAMING', 'both'],
    ['BUDGET_CLIENT_BYTES', 'much'],
    ['BUDGET_UPSTREAM_BYTES', '0'],
    ['BUDGET_CLIENT_REQUESTS', '0'],
    ['BUDGET_ACTION', 'cut'],
    ['DISABLE_LANDING_PAGE', 'x'],
    ['LANDING_PAGE_STATE', 'x'],
    ['SEARCH_BACKEND', 'https://u:p@search.example.com'],
    ['SEARCH_BACKEND', 'a b'],
    ['METRICS', 'private'],
    ['METRICS_TOKEN', 'short'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector:4317'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%zz'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b%0d%0ac:d'],
    ['OTEL_SERVICE_NAME', 'x'.repeat(201)],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['CONNECT_TIMEOUT', '5 minutes'],
    ['CONNECT_TIMEOUT', '0'],
    ['RESPONSE_TIMEOUT', '0s'],
    ['STALL_TIMEOUT', '0.0'],
    ['RETRY_TIMEOUT', '-1'],
    ['CLIENT_TIMEOUT', '1e3'],
    ['CLIENT_TIMEOUT', '600h'],
    ['SHUTDOWN_TIMEOUT', 'Infinity'],
    ['LOG_LEVEL', 'verbose'],
    ['LOG_FORMAT', 'xml'],
  ])('%s=%s is named with what was written', (name, text) => {
    const found = faults({ [name]: text });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^[A-Z_]+=.+: /);
    expect(found[0].startsWith(`${name}=`)).toBe(true);
  });

  test('comes with all others', () => {
    const env = {
      PORT: 'x',
      REGISTRY_BACKEND: 'ftp://x',
      REGISTRY_NAME: '/',
      DEFAULT_BACKEND_HOST: 'x/y',
      PROXY_REDIRECT: 'x',
      HANDLE_REDIRECT: 'x',
      PUBLIC_URL: 'x',
      TRUST_PROXY: 'x',
      ALLOW_PRIVATE_ADDRESSES: 'x',
      PLATFORM: 'x',
      BODY_FRAMING: 'x',
      CONNECT_TIMEOUT: '0',
      RESPONSE_TIMEOUT: '0',
      RETRY_TIMEOUT: 'x',
      STALL_TIMEOUT: '0',
      CLIENT_TIMEOUT: 'x',
      SHUTDOWN_TIMEOUT: 'x',
      LOG_LEVEL: 'x',
      LOG_FORMAT: 'x',
      HOST: 'x y',
      CACHE: 'x',
      CACHE_MAX_SIZE: '1k',
      CACHE_TAG_TTL: 'x',
      CACHE_STALE: 'x',
      CACHE_NEGATIVE_TTL: 'x',
      CACHE_INACTIVE: 'x',
      CACHE_REDIRECT: 'x',
      DOWNLOAD_CONNECTIONS: '0',
    };
    const found = faults(env).map((fault) => fault.split('=')[0]);
    expect(found.sort()).toEqual(Object.keys(env).sort());
    expect(() => readConfig(env)).toThrow(ConfigError);
  });

  test.each([
    'https://user:secret@r.example.com',
    'https://user:se/secret@r.example.com',
    'https://user:p@secret@r.example.com',
    'user:secret@r.example.com',
    'https://r.example.com/?token=secret',
  ])('does not print the secret of %s', (REGISTRY_BACKEND) => {
    const [fault] = faults({ REGISTRY_BACKEND });
    expect(fault).toBeDefined();
    expect(fault).not.toContain('secret');
  });

  test.each([
    '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----',
    `LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tsecret`,
  ])('does not print a key that was set in place of its path: %j', (TLS_KEY) => {
    const found = faults({ TLS_CERT: '/tls.crt', TLS_KEY });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^TLS_KEY=.+expected the path of a file$/);
    expect(found[0]).not.toContain('secret');
  });

  test('is a certificate where the gateway ends TLS', () => {
    const found = faults({ TLS_CERT: '/tls.crt', TLS_KEY: '/tls.key', PLATFORM: 'aliyun-fc' });
    expect(found).toEqual([expect.stringMatching(/^TLS_CERT, TLS_KEY: .*gateway/)]);
  });

  test('is short', () => {
    expect(faults({ LOG_LEVEL: 'x'.repeat(5000) })[0].length).toBeLessThan(400);
  });
});

describe('the backend', () => {
  test.each([
    ['registry.example.com', 'https://registry.example.com', 'registry.example.com'],
    ['registry.example.com:5000', 'https://registry.example.com:5000', 'registry.example.com:5000'],
    ['http://registry.example.com', 'http://registry.example.com', 'registry.example.com'],
    ['HTTPS://Registry.Example.COM:443/', 'https://registry.example.com', 'registry.example.com'],
    ['https://registry.example.com/v2/', 'https://registry.example.com', 'registry.example.com'],
    ['https://registry.example.com/v2', 'https://registry.example.com', 'registry.example.com'],
    ['https://registry.example.com/a/b/v2/', 'https://registry.example.com/a/b', 'registry.example.com'],
    ['registry.example.com/a', 'https://registry.example.com/a', 'registry.example.com'],
    ['http://127.0.0.1:5000', 'http://127.0.0.1:5000', '127.0.0.1:5000'],
    ['http://[::1]:5000', 'http://[::1]:5000', '[::1]:5000'],
    ['localhost:5000', 'https://localhost:5000', 'localhost:5000'],
    ['docker.io', 'https://registry-1.docker.io', 'docker.io'],
    ['index.docker.io', 'https://registry-1.docker.io', 'docker.io'],
    ['https://registry-1.docker.io/v2/', 'https://registry-1.docker.io', 'docker.io'],
    ['registry.hub.docker.com', 'https://registry-1.docker.io', 'docker.io'],
  ])('%s is %s, called %s', (REGISTRY_BACKEND, href, name) => {
    const { url, name: called } = upstream({ REGISTRY_BACKEND });
    expect([hrefOf(url), called]).toEqual([href, name]);
  });

  test.each(['docker.io', 'index.docker.io', 'registry-1.docker.io'])(
    'may be a mirror of Docker Hub, called %s',
    (name) => {
      const {
        name: called,
        aliases,
        url,
      } = upstream({ REGISTRY_BACKEND: 'https://mirror.example.com', REGISTRY_NAME: name });
      expect([called, url.hostname]).toEqual(['docker.io', 'mirror.example.com']);
      expect(aliases).toEqual(expect.arrayContaining(['docker.io', 'index.docker.io', 'registry-1.docker.io']));
    },
  );

  test.each<[string, string | undefined, 'any' | 'public']>([
    ['https://registry.example.com', undefined, 'public'],
    ['https://registry.example.com', 'false', 'public'],
    ['https://registry.example.com', 'true', 'any'],
    ['http://127.0.0.1:5000', undefined, 'any'],
    ['http://10.0.0.5', undefined, 'any'],
    ['http://[fd00::1]', undefined, 'any'],
    ['http://localhost:5000', undefined, 'any'],
    ['http://registry:5000', undefined, 'any'],
    ['https://registry.corp.internal', undefined, 'any'],
    ['https://registry.lan', undefined, 'any'],
    ['http://registry:5000', 'false', 'public'],
    ['http://93.184.216.34', undefined, 'public'],
  ])('%s with ALLOW_PRIVATE_ADDRESSES=%s reaches %s', (REGISTRY_BACKEND, allow, reach) => {
    expect(upstream({ REGISTRY_BACKEND, ...(allow && { ALLOW_PRIVATE_ADDRESSES: allow }) }).reach).toBe(reach);
  });

  test.each([
    ['https://registry.example.com/base', 'https://registry.example.com'],
    ['http://registry.example.com:5000', 'http://registry.example.com:5000'],
    ['docker.io', 'https://registry-1.docker.io'],
  ])('%s keeps its storage at %s, unless told', (REGISTRY_BACKEND, storage) => {
    expect(hrefOf(readConfig({ REGISTRY_BACKEND }).backendHost)).toBe(storage);
  });
});

describe('the platform', () => {
  const FC = { FC_FUNCTION_NAME: 'f', FC_ACCOUNT_ID: '1' };

  test.each<[Record<string, string>, string, number]>([
    [{}, 'node', Number.POSITIVE_INFINITY],
    [FC, 'aliyun-fc', 4_194_304],
    [{ FC_FUNCTION_NAME: 'f' }, 'node', Number.POSITIVE_INFINITY],
    [{ ...FC, PLATFORM: 'auto' }, 'aliyun-fc', 4_194_304],
    [{ ...FC, PLATFORM: 'node' }, 'node', Number.POSITIVE_INFINITY],
    [{ PLATFORM: 'aliyun-fc' }, 'aliyun-fc', 4_194_304],
    [{ PLATFORM: 'aliyun-fc', BODY_FRAMING: 'length' }, 'aliyun-fc', Number.POSITIVE_INFINITY],
    [{ BODY_FRAMING: 'chunked' }, 'node', 4_194_304],
  ])('%j is %s', (env, platform, chunkedAbove) => {
    expect(readConfig(env)).toMatchObject({
      platform,
      chunkedAbove,
      capabilities: { hooks: platform === 'aliyun-fc' },
    });
  });

  test('decides whom to believe', () => {
    expect(readConfig(FC).trustProxy).toEqual({ peers: 'all', explicit: false });
    expect(readConfig({ ...FC, TRUST_PROXY: 'false' }).trustProxy).toEqual({ peers: [], explicit: true });
    expect(readConfig({}).trustProxy.peers).toEqual(['loopback', 'linklocal', 'private']);
  });
});

describe('a setting', () => {
  const ENV = { PORT: '2', REGISTRY_BACKEND: 'env.example.com' };
  const FILE = { PORT: '3', REGISTRY_BACKEND: 'file.example.com', REGISTRY_NAME: 'named.example.com' };

  test('is what the flag says, else the environment, else .env', () => {
    const { port, upstreams } = readConfig(ENV, ['-port', '1'], FILE);
    expect([port, upstreams[0].url.hostname, upstreams[0].name]).toEqual([1, 'env.example.com', 'named.example.com']);
    expect(readConfig({}, [], FILE).port).toBe(3);
  });

  test('is what the first of them says under whichever name', () => {
    const host = (...all: Parameters<typeof readConfig>) => readConfig(...all).upstreams[0].url.hostname;
    expect(host({ REGISTRY_HOST: 'other.example.com' }, [], FILE)).toBe('other.example.com');
    expect(host(ENV, ['-registeryHost', 'flag.example.com'])).toBe('flag.example.com');
    expect(readConfig({ REGISTRY_HTTP_ADDR: ':5' }, [], { HOST: '::1', PORT: '3' })).toMatchObject({
      host: '::1',
      port: 5,
    });
  });

  test('is the default where the first of them leaves it empty', () => {
    expect(readConfig({ PORT: '' }, [], { PORT: '3' }).port).toBe(3000);
    expect(readConfig({ PORT: '2' }, ['--port=']).port).toBe(3000);
    expect(readConfig({ REGISTRY_HTTP_ADDR: '' }, [], { PORT: '3' }).port).toBe(3000);
  });

  test('on Function Compute may come from .env too', () => {
    expect(readConfig({}, [], { FC_FUNCTION_NAME: 'f', FC_ACCOUNT_ID: '1' }).platform).toBe('aliyun-fc');
  });
});

describe('an alias', () => {
  test('REGISTRY_HTTP_TLS_CERTIFICATE and _KEY are the files of https', () => {
    const env = { REGISTRY_HTTP_TLS_CERTIFICATE: '/tls.crt', REGISTRY_HTTP_TLS_KEY: '/tls.key' };
    expect(readConfig(env).tls).toMatchObject({ cert: '/tls.crt', key: '/tls.key' });
  });

  test.each(['REGISTRY_HOST', 'REGISTRY_PROXY_REMOTEURL'])('%s is the backend', (name) => {
    expect(readConfig({ [name]: 'https://r.example.com/v2' })).toEqual(
      readConfig({ REGISTRY_BACKEND: 'r.example.com' }),
    );
  });

  test.each([
    [':5000', '0.0.0.0', 5000],
    ['0.0.0.0:5000', '0.0.0.0', 5000],
    ['[::]:5000', '::', 5000],
    [' 127.0.0.1:0 ', '127.0.0.1', 0],
  ])('REGISTRY_HTTP_ADDR=%s listens on %s and %d', (REGISTRY_HTTP_ADDR, host, port) => {
    expect(readConfig({ REGISTRY_HTTP_ADDR })).toMatchObject({ host, port });
  });

  test.each([
    [{ REGISTRY_HOST: 'gcr.io', REGISTRY_BACKEND: 'https://gcr.io/v2/' }],
    [{ REGISTRY_HOST: 'gcr.io', REGISTRY_BACKEND: ' ' }],
    [{ REGISTRY_HTTP_ADDR: ':3000', PORT: '3000' }],
    [{ REGISTRY_HTTP_ADDR: ':3000', HOST: '127.0.0.1' }],
    [{ REGISTRY_HTTP_ADDR: '[::1]:3000', HOST: '::1' }],
  ])('%j agree', (env) => {
    expect(faults(env)).toEqual([]);
  });

  test.each([
    [
      { REGISTRY_HOST: 'gcr.io', REGISTRY_BACKEND: 'quay.io' },
      'REGISTRY_BACKEND=quay.io and REGISTRY_HOST=gcr.io: both set REGISTRY_BACKEND, to different values',
    ],
    [
      { REGISTRY_HOST: 'gcr.io', REGISTRY_PROXY_REMOTEURL: 'https://quay.io' },
      'REGISTRY_HOST=gcr.io and REGISTRY_PROXY_REMOTEURL=https://quay.io: both set REGISTRY_BACKEND, to different values',
    ],
    [
      { REGISTRY_HTTP_ADDR: ':5000', PORT: '3000' },
      'REGISTRY_HTTP_ADDR=:5000 and PORT=3000: both set PORT, to different values',
    ],
    [{ REGISTRY_HTTP_ADDR: '5000' }, 'REGISTRY_HTTP_ADDR=5000: expected host:port, [v6]:port or :port'],
    [{ REGISTRY_HTTP_ADDR: ':99999' }, 'REGISTRY_HTTP_ADDR=:99999: expected a whole number from 0 to 65535'],
    [
      { REGISTRY_HOST: 'ftp://gcr.io' },
      'REGISTRY_HOST=ftp://gcr.io: expected an http(s) URL or a host name without credentials, query or fragment',
    ],
  ])('%j do not', (env, fault) => {
    expect(faults(env)).toEqual([fault]);
  });

  test('contradicts only what is said in the same place', () => {
    expect(readConfig({ REGISTRY_HOST: 'gcr.io' }, ['--registry-backend', 'quay.io']).upstreams[0].name).toBe(
      'quay.io',
    );
    expect(() => readConfig({}, ['-registryHost', 'gcr.io', '--registry-backend', 'quay.io'])).toThrow(
      '-registryHost=gcr.io and --registry-backend=quay.io: both set REGISTRY_BACKEND, to different values',
    );
  });
});

describe('a fault of a flag', () => {
  test('is named as it was written, with all others', () => {
    const read = () => readConfig({ LOG_LEVEL: 'loud' }, ['-port', 'x', '--stall-timeout=0', '--prot', '1', '--host']);
    expect(read).toThrow(ConfigError);
    try {
      read();
    } catch (error) {
      expect((error as ConfigError).faults).toEqual([
        '--prot: unknown flag; did you mean --port?',
        '--host: needs a value',
        '-port=x: expected a whole number from 0 to 65535',
        'LOG_LEVEL=loud: expected one of debug, info, warn, error, silent',
        '--stall-timeout=0: must be more than 0, or a dead upstream would hold a pull for ever',
      ]);
    }
  });
});

describe('on a platform that can do less', () => {
  /** As if Function Compute could not do something that it can. */
  function without(lack: object) {
    jest.replaceProperty(capabilities as Record<string, object>, 'aliyun-fc', {
      ...capabilities['aliyun-fc'],
      ...lack,
    });
  }
  afterEach(() => jest.restoreAllMocks());

  test('an account at a cloud needs keys, where nothing has a role there', () => {
    const env = {
      PLATFORM: 'aliyun-fc',
      ANONYMOUS_PULL: 'true',
      REGISTRIES: '{"123456789012.dkr.ecr.eu-central-1.amazonaws.com": {"cloud": {"type": "aws"}}}',
    };
    expect(faults(env)).toEqual([]);
    without({ roles: false });
    expect(faults(env)).toEqual([expect.stringContaining('accessKeyId: is missing')]);
    expect(faults({ ...env, AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: randomUUID() })).toEqual([]);
  });

  test('users need passwords that were made, where bcrypt takes too long', () => {
    const env = { PLATFORM: 'aliyun-fc', HTPASSWD: HASHED };
    const made = `bob:${hashPassword(makePassword())}`;
    expect(faults(env)).toEqual([]);
    without({ slowPasswords: false });
    expect(faults(env)).toEqual([
      expect.stringMatching(/^HTPASSWD: line 1: the password of "alice" is a bcrypt hash, .* --generate alice$/),
    ]);
    expect(faults({ ...env, HTPASSWD: ',' })).toEqual([
      expect.stringContaining('"registry-proxy htpasswd --generate USER"'),
    ]);
    expect(faults({ ...env, HTPASSWD: made })).toEqual([]);
  });
});
