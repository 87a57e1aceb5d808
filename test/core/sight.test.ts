import { randomUUID } from 'node:crypto';
import { type Config, readConfig } from '../../src/core/config';
import { ConfigError } from '../../src/core/config-error';
import { hrefOf } from '../../src/core/url';

const TOKEN = randomUUID();
const ADMIN = randomUUID();

describe('the landing page', () => {
  test.each<[Record<string, string>, Config['landingPage']]>([
    [{}, { showsState: false }],
    [{ LANDING_PAGE_STATE: 'on' }, { showsState: true }],
    [{ DISABLE_LANDING_PAGE: 'true' }, undefined],
    [{ REPO_PREFIX: 'acme' }, undefined],
    [{ REPO_PREFIX: 'acme', DISABLE_BROWSER_REDIRECTS: 'true' }, { showsState: false }],
  ])('%j: %j', (env, expected) => {
    expect(readConfig(env).landingPage).toEqual(expected);
  });
});

describe('search is asked of', () => {
  test.each<[Record<string, string>, string | undefined]>([
    [{}, 'https://index.docker.io'],
    [{ REGISTRY_BACKEND: 'ghcr.io' }, undefined],
    [{ REGISTRY_BACKEND: 'ghcr.io', REGISTRIES: 'docker.io' }, 'https://index.docker.io'],
    [{ REGISTRY_BACKEND: 'https://far.example.com', REGISTRY_NAME: 'docker.io' }, undefined],
    [
      { REGISTRY_BACKEND: 'https://far.example.com', REGISTRY_NAME: 'docker.io', SEARCH_BACKEND: 'far.example.com' },
      'https://far.example.com',
    ],
    [{ SEARCH_BACKEND: 'Off' }, undefined],
  ])('%j: %s', (env, expected) => {
    const { search } = readConfig(env);
    expect(search && hrefOf(search)).toBe(expected);
  });
});

describe('metrics are for', () => {
  test.each<[string, Record<string, string>, Config['metrics']]>([
    ['nobody', {}, undefined],
    ['whoever has the token', { METRICS_TOKEN: TOKEN }, { isPublic: false, tokens: [TOKEN] }],
    ['the administrator', { ADMIN_TOKEN: ADMIN }, { isPublic: false, tokens: [ADMIN] }],
    ['both', { METRICS_TOKEN: TOKEN, ADMIN_TOKEN: ADMIN }, { isPublic: false, tokens: [TOKEN, ADMIN] }],
    ['everybody', { METRICS: 'public', ADMIN_TOKEN: ADMIN }, { isPublic: true, tokens: [ADMIN] }],
    ['nobody, though there are tokens', { METRICS: 'off', METRICS_TOKEN: TOKEN, ADMIN_TOKEN: ADMIN }, undefined],
  ])('%s', (_who, env, expected) => {
    expect(readConfig(env).metrics).toEqual(expected);
  });

  test('everybody, or whoever has a token, but not both', () => {
    expect(() => readConfig({ METRICS: 'public', METRICS_TOKEN: TOKEN })).toThrow(ConfigError);
  });

  test('nobody on Workers, which says so where they were asked for', () => {
    const PLATFORM = 'cloudflare-workers';
    const { metrics, notes } = readConfig({ PLATFORM, METRICS: 'public' });
    expect([metrics, notes]).toEqual([undefined, [expect.stringMatching(/^METRICS: /)]]);
    expect(readConfig({ PLATFORM, ADMIN_TOKEN: ADMIN }).notes).toEqual([expect.stringMatching(/^ADMIN_TOKEN: /)]);
  });
});

test('a login for a collector that nobody named is said to be of no use', () => {
  const { tracing, notes } = readConfig({ OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${TOKEN}` });
  expect(tracing).toBeUndefined();
  expect(notes).toEqual([expect.stringContaining('OTEL_EXPORTER_OTLP_HEADERS is not used')]);
  expect(notes[0]).not.toContain(TOKEN);
});
