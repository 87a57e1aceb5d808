import { randomUUID } from 'node:crypto';
import { readConfig } from '../../src/core/config';
import { noFiles } from '../../src/core/files';
import { upstreamOfHost } from '../../src/core/upstreams';

const GHCR = { targetDomain: 'ghcr.io', authEndpoint: 'https://ghcr.io/token' };
const HUB = { targetDomain: 'registry-1.docker.io', authEndpoint: 'https://auth.docker.io/token' };
const SET = { ANONYMOUS_PULL: 'true' };

const configOf = (rows: Record<string, unknown>, env: Record<string, string> = {}) => {
  const listed = Object.entries(rows).map(([key, value]) => ({ key, text: JSON.stringify(value) }));
  return readConfig(env, [], {}, noFiles, listed);
};
const namesOf = (...given: Parameters<typeof configOf>) => configOf(...given).upstreams.map(({ name }) => name);
const leftOut = (...given: Parameters<typeof configOf>) => configOf(...given).rows.flatMap(({ faults }) => faults);

describe('registries of rows', () => {
  test('stand beside the default, and are found by their keys', () => {
    const config = configOf({ ghcr: GHCR, k: { targetDomain: 'registry.k8s.io' }, 'quay.io': {} });
    expect(config.upstreams.map(({ name, label, auth }) => [name, label, auth])).toEqual([
      ['docker.io', 'docker', 'proxy'],
      ['ghcr.io', 'ghcr', 'proxy'],
      ['registry.k8s.io', 'k', 'proxy'],
      ['quay.io', 'quay', 'proxy'],
    ]);
    const found = ['ghcr', 'k', 'quay', 'k8s', 'other'].map(
      (label) => upstreamOfHost(`${label}.r.example.com`, config)?.name,
    );
    expect(found).toEqual(['ghcr.io', 'registry.k8s.io', 'quay.io', undefined, undefined]);
    expect(config.rows.map(({ key, name, faults }) => [key, name, faults])).toEqual([
      ['ghcr', 'ghcr.io', []],
      ['k', 'registry.k8s.io', []],
      ['quay.io', 'quay.io', []],
    ]);
  });

  test('are those of the document that REGISTRIES is, where no others are given', () => {
    const REGISTRIES = JSON.stringify({ registries: ['quay.io'], rows: { ghcr: GHCR } });
    expect(readConfig({ REGISTRIES }).upstreams.map(({ name }) => name)).toEqual(['docker.io', 'quay.io', 'ghcr.io']);
    expect(namesOf({}, { REGISTRIES })).toEqual(['docker.io', 'quay.io']);
    expect(readConfig({ REGISTRIES: '{"rows":{}}' }).upstreams).toHaveLength(1);
    expect(() => readConfig({ REGISTRIES: '{"rows":{},"quay.io":{}}' })).toThrow('quay.io: stands beside rows');
  });

  test('win over what REGISTRIES says of the same registry, but for which one is the default', () => {
    const REGISTRIES = JSON.stringify({ 'ghcr.io': { default: true, username: 'a', password: 'b' }, 'quay.io': {} });
    const { upstreams } = configOf({ g: { ...GHCR, redirect: 'follow' } }, { REGISTRIES, ...SET });
    expect(upstreams.map(({ name, accounts, handleRedirect }) => [name, accounts.length, handleRedirect])).toEqual([
      ['ghcr.io', 0, true],
      ['quay.io', 0, false],
    ]);
    const other = { g: { ...GHCR, default: false } };
    expect(namesOf(other, { REGISTRIES, ...SET })).toEqual(['docker.io', 'quay.io', 'ghcr.io']);
  });

  test('a key is of its row, also where another registry is usually called so', () => {
    const config = configOf({ ghcr: { targetDomain: 'mirror.example.com' } }, { REGISTRIES: 'ghcr.io' });
    expect(upstreamOfHost('ghcr.r.example.com', config)?.name).toBe('mirror.example.com');
  });

  test.each<[string, Record<string, unknown>, Record<string, string>, string[], string]>([
    ['no JSON', { bad: '', ghcr: GHCR }, {}, ['docker.io', 'ghcr.io'], 'row bad: expected a JSON object'],
    ['a fault', { bad: { url: 'a.test', x: 1 }, ghcr: GHCR }, {}, ['docker.io', 'ghcr.io'], 'row bad.x: unknown key'],
    [
      'a second row for one registry',
      { a: GHCR, b: { targetDomain: 'ghcr.io' }, q: { targetDomain: 'quay.io' } },
      {},
      ['docker.io', 'ghcr.io', 'quay.io'],
      'row b: rows a and b are both of ghcr.io',
    ],
    [
      'a label that another one has',
      { a: GHCR, 'quay.io': { label: 'a' } },
      {},
      ['docker.io', 'ghcr.io'],
      'row quay.io: two registries have the label a',
    ],
    [
      'a host that a listed one has',
      { a: { ...GHCR, hosts: ['x.test'] }, q: { targetDomain: 'gcr.io' } },
      { REGISTRIES: '{"quay.io":{"hosts":["x.test"]}}' },
      ['docker.io', 'quay.io', 'gcr.io'],
      'row a: REGISTRIES: two registries have the host x.test',
    ],
    [
      'a second default',
      { a: { ...GHCR, default: true } },
      { REGISTRY_BACKEND: 'quay.io' },
      ['quay.io'],
      'row a: REGISTRY_BACKEND and REGISTRIES have two defaults, quay.io and ghcr.io',
    ],
    [
      'a login that everybody could use',
      { a: { ...GHCR, username: 'u', password: 'p' }, q: { targetDomain: 'quay.io' } },
      {},
      ['docker.io', 'quay.io'],
      'row a: the login for ghcr.io lets everybody',
    ],
    [
      'a token server at a private address',
      { a: { targetDomain: 'a.test', authEndpoint: 'https://169.254.169.254/token' } },
      {},
      ['docker.io'],
      'row a: a.test.tokenServer: it leads to a private address',
    ],
    [
      'a token server by plain http',
      { a: { targetDomain: 'ghcr.io', authEndpoint: 'http://ghcr.io/token' } },
      {},
      ['docker.io'],
      'row a: ghcr.io.tokenServer: it leads from https to http',
    ],
  ])('with %s are left out, and the others are served', (_, rows, env, names, fault) => {
    const config = configOf(rows, env);
    expect(config.upstreams.map(({ name }) => name)).toEqual(names);
    expect(config.rows.flatMap(({ faults }) => faults)).toEqual([expect.stringContaining(fault)]);
    expect(config.notes).toContainEqual(expect.stringContaining(`left out: ${fault}`));
  });

  test('few wrong ones among many are found', () => {
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`r${index}`, { url: `r${index}.test` }]),
    );
    const rows = { ...many, r17: { url: 'r16.test' }, r71: { url: 'r71.test', default: true } };
    const config = configOf(rows, { REGISTRY_BACKEND: 'quay.io' });
    expect(config.rows.filter(({ faults }) => faults.length > 0).map(({ key }) => key)).toEqual(['r17', 'r71']);
    expect(config.upstreams).toHaveLength(99);
  });

  test('may be what a guard or a rule of the settings is about', () => {
    const env = { DENY_IMAGES: 'quay.io/**' };
    const rows = { q: { targetDomain: 'quay.io' }, a: GHCR, b: GHCR };
    expect([namesOf(rows, env), leftOut(rows, env)]).toEqual([
      ['docker.io', 'ghcr.io', 'quay.io'],
      ['row b: rows a and b are both of ghcr.io'],
    ]);
    expect(() => configOf({ a: GHCR }, env)).toThrow('DENY_IMAGES=quay.io/**: no registry of this proxy is meant');
  });

  test('take no fault of the settings away', () => {
    expect(() => configOf({ a: GHCR }, { PORT: 'x' })).toThrow('PORT=x');
  });

  test('are not seen by host beside PUBLIC_URL, which is said', () => {
    const { notes } = configOf({ a: GHCR }, { PUBLIC_URL: 'https://r.example.com' });
    expect(notes).toEqual([expect.stringContaining('PUBLIC_URL: no other host is looked at')]);
  });
});

describe('a row of the default registry', () => {
  const login = () => ({ REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: randomUUID(), REPO_PREFIX: 'team', ...SET });

  test.each<[object]>([
    [HUB],
    [{ targetDomain: 'docker.io' }],
    [{ name: 'docker.io', url: 'https://registry-1.docker.io' }],
  ])('%j goes with the login of the settings', (row) => {
    const { upstreams, notes } = configOf({ docker: row }, login());
    expect(upstreams).toHaveLength(1);
    expect(upstreams[0]).toMatchObject({ name: 'docker.io', prefix: 'team', accounts: [{ username: 'robot' }] });
    expect(notes).toEqual([]);
  });

  test.each<[object]>([
    [{ name: 'docker.io', url: 'https://evil.example' }],
    [{ name: 'docker.io', url: 'http://registry-1.docker.io' }],
    [{ name: 'docker.io', url: 'https://registry-1.docker.io/base' }],
    [{ targetDomain: 'docker.io', authEndpoint: 'https://evil.example/token' }],
    [{ targetDomain: 'docker.io', authEndpoint: 'http://auth.docker.io/token', plainHttp: true }],
  ])('%j is another address, and gets no login that was not written for it', (row) => {
    const { upstreams, notes } = configOf({ docker: row }, login());
    expect(upstreams).toHaveLength(1);
    expect(upstreams[0]).toMatchObject({ name: 'docker.io', prefix: '', accounts: [] });
    expect(notes).toEqual([expect.stringContaining('row docker: its address is its own')]);
  });

  test('may hold a login itself, which wins', () => {
    const { upstreams } = configOf({ docker: { ...HUB, username: 'own', password: randomUUID() } }, login());
    expect(upstreams[0].accounts).toMatchObject([{ username: 'own' }]);
  });
});
