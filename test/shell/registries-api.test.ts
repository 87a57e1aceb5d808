import { randomUUID } from 'node:crypto';
import { readConfig } from '../../src/core/config';
import { RegistryError } from '../../src/core/errors';
import { noFiles } from '../../src/core/files';
import { headerOf } from '../../src/core/headers';
import type { Row } from '../../src/core/registry-rows';
import type { ApiPlace } from '../../src/shell/api-place';
import { createLog } from '../../src/shell/log';
import { isApiTarget, RegistriesApi } from '../../src/shell/registries-api';
import { MAX_ROWS, type RowStore } from '../../src/shell/row-store';
import { type Fields, request } from '../core/heads';

const TOKEN = randomUUID();
const GHCR = { targetDomain: 'ghcr.io', authEndpoint: 'https://ghcr.io/token' };

/** A store in memory, in which somebody else may have a hand. */
function storeOf(rows: Record<string, unknown>) {
  const texts = new Map(Object.entries(rows).map(([key, value]) => [key, JSON.stringify(value)]));
  const between: (() => void)[] = [];
  const store: RowStore = {
    alone: (work) => work(),
    list: async () => [...texts].map(([key, text]) => ({ key, text })),
    put: async ({ key, text }, before) => {
      between.shift()?.();
      if (texts.get(key) !== before) return false;
      texts.set(key, text);
      return true;
    },
    delete: async ({ key, text }) => {
      between.shift()?.();
      return texts.get(key) === text && texts.delete(key);
    },
  };
  return { store, texts, between };
}

function scene(rows: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const lines: Record<string, unknown>[] = [];
  const { store, texts, between } = storeOf(rows);
  const settings = { ADMIN_TOKEN: TOKEN, PLATFORM: 'cloudflare-workers', ...env };
  const read = (some: readonly Row[]) => readConfig(settings, [], {}, noFiles, some);
  let changes = 0;
  const place: ApiPlace = {
    config: read([]),
    token: TOKEN,
    store,
    read,
    onChange: async () => {
      changes += 1;
    },
    log: createLog({ level: 'info', format: 'json', write: (line) => lines.push(JSON.parse(line)) }),
  };
  const api = new RegistriesApi();
  const send = async (line: string, body?: unknown, headers: Fields = {}, address?: string) => {
    const [method, path] = line.split(' ');
    const type: Fields = method === 'PUT' ? { 'content-type': 'application/json' } : {};
    const fields = { authorization: `Bearer ${TOKEN}`, ...type, ...headers };
    const head = request(`${method} /-/api/registries${path}`, fields, address ? { address } : {});
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await api.serve({ head, id: 'id', readBody: async () => text }, place);
    return {
      status: answer.status,
      header: (name: string) => headerOf(answer.headers, name),
      json: answer.body ? JSON.parse(answer.body) : undefined,
      answer,
    };
  };
  return { send, texts, between, lines, place, changes: () => changes };
}

const faultsOf = ({ json }: { json: { errors: { detail: { faults: string[] } }[] } }) => json.errors[0]?.detail.faults;

test.each([
  ['/-/api/registries', true],
  ['/-/api/registries/', true],
  ['/-/api/registries/ghcr', true],
  ['/-/api/registries?x', true],
  ['/-/api/registriesx', false],
  ['/-/api', false],
  ['/x/-/api/registries', false],
])('%s is one of these paths: %p', (target, is) => {
  expect(isApiTarget(target)).toBe(is);
});

describe('the rows', () => {
  test('are listed with what has become of them, and the other registries by name', async () => {
    const { send } = scene({ ghcr: GHCR, bad: { url: 'a.test', x: 1 }, ugly: [] }, { REGISTRIES: 'quay.io' });
    const { status, json, header, answer } = await send('GET ');
    expect([status, header('cache-control'), answer.sameOrigin]).toEqual([200, 'no-store', true]);
    expect(json).toEqual({
      registries: [
        { key: 'ghcr', ...GHCR, status: 'ok' },
        { key: 'bad', url: 'a.test', x: '***', status: ['row bad.x: unknown key'] },
        { key: 'ugly', status: [expect.stringContaining('row ugly: expected a JSON object')] },
      ],
      others: ['docker.io', 'quay.io'],
    });
  });

  test('are there one by one, by keys of any form', async () => {
    const { send } = scene({ ghcr: GHCR, '*.pkg.dev': {} });
    expect((await send('GET /ghcr')).json).toEqual({ key: 'ghcr', ...GHCR, status: 'ok' });
    expect((await send('GET /*.pkg.dev')).status).toBe(200);
    expect((await send('GET /%2A.pkg.dev')).json).toEqual({ key: '*.pkg.dev', status: 'ok' });
    for (const path of ['/no', '/', '/a/b', '/%', '/ghcr/']) expect((await send(`GET ${path}`)).status).toBe(404);
  });

  test('are listed also where the rest of the configuration has faults', async () => {
    const { send } = scene({ ghcr: GHCR, q: { targetDomain: 'quay.io' } });
    const { send: broken, place } = scene({ ghcr: GHCR });
    const read = () => readConfig({ PORT: 'x' });
    const api = new RegistriesApi();
    const head = request('GET /-/api/registries', { authorization: `Bearer ${TOKEN}` });
    const { body } = await api.serve({ head, id: '', readBody: async () => '' }, { ...place, read });
    expect(JSON.parse(body ?? '')).toMatchObject({
      registries: [{ key: 'ghcr' }],
      faults: [expect.stringContaining('PORT')],
    });
    expect([(await send('GET ')).status, (await broken('GET ')).status]).toEqual([200, 200]);
  });
});

describe('a row that is put', () => {
  test('is new, changed, the same, and deleted', async () => {
    const { send, texts, changes } = scene();
    const made = await send('PUT /ghcr', GHCR);
    expect([made.status, made.header('location'), made.json]).toEqual([
      201,
      '/-/api/registries/ghcr',
      { key: 'ghcr', ...GHCR, status: 'ok' },
    ]);
    expect(texts.get('ghcr')).toBe(JSON.stringify(GHCR));
    const changed = await send('PUT /ghcr', { ...GHCR, redirect: 'follow' });
    expect([changed.status, changed.header('location'), changed.json.redirect]).toEqual([200, undefined, 'follow']);
    expect(changed.header('etag')).not.toBe(made.header('etag'));
    expect((await send('PUT /ghcr', { ...GHCR, redirect: 'follow' })).status).toBe(200);
    expect(changes()).toBe(2);
    const gone = await send('DELETE /ghcr');
    expect([gone.status, gone.answer.body, texts.size, changes()]).toEqual([204, null, 0, 3]);
    expect((await send('DELETE /ghcr')).status).toBe(404);
  });

  test('may come back as it was shown', async () => {
    const { send, texts } = scene({ ghcr: GHCR });
    const { json } = await send('GET /ghcr');
    expect((await send('PUT /ghcr', { ...json, mirror: true })).status).toBe(200);
    expect(JSON.parse(texts.get('ghcr') ?? '')).toEqual({ ...GHCR, mirror: true });
  });

  test.each<[string, unknown, Fields, number]>([
    ['/ghcr', GHCR, { 'content-type': 'text/plain' }, 415],
    ['/ghcr', GHCR, { 'content-type': '' }, 415],
    ['/ghcr', '{', {}, 400],
    ['/ghcr', [GHCR], {}, 400],
    ['/ghcr', '"ghcr.io"', {}, 400],
    ['/ghcr', { key: 'other', ...GHCR }, {}, 400],
    ['/ghcr', { ...GHCR, 'content-type': 'x' }, { 'content-type': 'application/json; charset=utf-8' }, 422],
    ['/GHCR', GHCR, {}, 422],
    ['/a%20b', GHCR, {}, 422],
    ['/', GHCR, {}, 404],
  ])('at %s as %j with %j is a %d', async (path, body, headers, status) => {
    const { send, texts, changes } = scene();
    expect((await send(`PUT ${path}`, body, headers)).status).toBe(status);
    expect([texts.size, changes()]).toEqual([0, 0]);
  });

  test.each<[string, unknown, string[]]>([
    [
      'each of its faults',
      { targetDomain: 'a b', x: 1, label: 'z' },
      ['row r.label: is the key of the row', 'row r.targetDomain: expected', 'row r.x: unknown key'],
    ],
    ['what is wrong beside other rows', { targetDomain: 'ghcr.io' }, ['row r: rows ghcr and r are both of ghcr.io']],
    ['what is wrong beside the settings', { url: 'r.test', hosts: ['x.test'] }, ['row r: REGISTRIES: two registries']],
    ['a login for everybody', { url: 'r.test', username: 'u', password: 'p' }, ['row r: the login for r.test lets']],
    ['a private token server', { url: 'r.test', tokenServer: 'https://10.0.0.1/t' }, ['row r: r.test.tokenServer: it']],
    ['a file', { url: 'r.test', username: 'u', passwordFile: '/x' }, ['row r.passwordFile: /x: a row names no files']],
  ])('is refused with %s', async (_, row, faults) => {
    const env = { REGISTRIES: '{"quay.io":{"hosts":["x.test"]}}' };
    const { send, texts } = scene({ ghcr: GHCR }, env);
    const refused = await send('PUT /r', row);
    expect(refused.status).toBe(422);
    for (const fault of faults) expect(faultsOf(refused)).toContainEqual(expect.stringContaining(fault));
    expect([...texts.keys()]).toEqual(['ghcr']);
  });

  test('is refused where it would push another one out', async () => {
    const { send } = scene({ m: { targetDomain: 'ghcr.io' } });
    const refused = await send('PUT /a', { targetDomain: 'ghcr.io' });
    expect([refused.status, faultsOf(refused)]).toEqual([422, ['row m: rows a and m are both of ghcr.io']]);
  });

  test('is taken beside one that has been bad before', async () => {
    const { send } = scene({ bad: {} });
    expect((await send('PUT /ghcr', GHCR)).status).toBe(201);
    expect((await send('PUT /bad', { targetDomain: 'quay.io' })).status).toBe(200);
  });

  test('is not taken beyond a thousand', async () => {
    const many = Array.from({ length: MAX_ROWS }, (_, index) => [`r${index}`, { url: `r${index}.test` }]);
    const { send } = scene(Object.fromEntries(many));
    expect(faultsOf(await send('PUT /one', GHCR))).toEqual(['there are 1000 rows, and no more are taken']);
    expect((await send('PUT /r0', GHCR)).status).toBe(200);
  });
});

test('a row is not deleted that the settings cannot do without', async () => {
  const { send, texts } = scene({ ghcr: GHCR });
  const needing = scene({ ghcr: GHCR });
  const read = (rows: readonly Row[]) =>
    readConfig(
      { ADMIN_TOKEN: TOKEN, PLATFORM: 'cloudflare-workers', DENY_IMAGES: 'ghcr.io/**' },
      [],
      {},
      noFiles,
      rows,
    );
  const head = request('DELETE /-/api/registries/ghcr', { authorization: `Bearer ${TOKEN}` });
  const answer = await new RegistriesApi().serve(
    { head, id: '', readBody: async () => '' },
    { ...needing.place, read },
  );
  expect([answer.status, answer.body]).toEqual([422, expect.stringContaining('DENY_IMAGES=ghcr.io/**: no registry')]);
  expect((await send('DELETE /ghcr')).status).toBe(204);
  expect(texts.size).toBe(0);
});

describe('two operators', () => {
  test('lose nothing of each other’s, where they say what they have seen', async () => {
    const { send, texts } = scene({ ghcr: GHCR });
    const etag = (await send('GET /ghcr')).header('etag') as string;
    expect(etag).toMatch(/^"[\w-]{24}"$/);
    const first = await send('PUT /ghcr', { ...GHCR, mirror: true }, { 'if-match': etag });
    expect(first.status).toBe(200);
    expect((await send('PUT /ghcr', { ...GHCR, redirect: 'pass' }, { 'if-match': etag })).status).toBe(412);
    expect((await send('DELETE /ghcr', undefined, { 'if-match': etag })).status).toBe(412);
    expect(JSON.parse(texts.get('ghcr') ?? '')).toEqual({ ...GHCR, mirror: true });
    const listed = { 'if-match': `"x", ${first.header('etag')}` };
    expect((await send('DELETE /ghcr', undefined, listed)).status).toBe(204);
  });

  test.each<[string, string, Fields, number]>([
    ['PUT', '/ghcr', { 'if-none-match': '*' }, 412],
    ['PUT', '/new', { 'if-none-match': '*' }, 201],
    ['PUT', '/new', { 'if-match': '*' }, 412],
    ['PUT', '/new', { 'if-match': '"x"' }, 412],
    ['PUT', '/ghcr', { 'if-match': '*' }, 200],
    ['DELETE', '/new', { 'if-match': '*' }, 412],
  ])('%s %s with %j is a %d', async (method, path, headers, status) => {
    const { send } = scene({ ghcr: GHCR });
    const row = { ...GHCR, targetDomain: path === '/new' ? 'quay.io' : 'ghcr.io' };
    expect((await send(`${method} ${path}`, row, headers)).status).toBe(status);
  });

  test('are told where a row has changed in the middle of a change', async () => {
    const { send, texts, between, changes } = scene({ ghcr: GHCR });
    const other = JSON.stringify({ ...GHCR, prefix: 'x' });
    between.push(() => texts.set('ghcr', other));
    expect((await send('PUT /ghcr', { ...GHCR, mirror: true })).status).toBe(412);
    between.push(() => texts.set('ghcr', JSON.stringify(GHCR)));
    expect((await send('DELETE /ghcr')).status).toBe(412);
    expect([texts.size, changes()]).toEqual([1, 0]);
  });
});

describe('a secret', () => {
  const OPEN = { ANONYMOUS_PULL: 'true' };

  test('is neither shown nor logged, and stays where it comes back masked', async () => {
    const secret = randomUUID();
    const { send, texts, lines } = scene({}, OPEN);
    const row = { url: 'r.test', username: 'robot', password: secret };
    const made = await send('PUT /r', row);
    const [shown, all] = [await send('GET /r'), await send('GET ')];
    expect([made, shown].map(({ json }) => json)).toEqual(
      [made, shown].map(() => ({ key: 'r', url: 'r.test', username: 'robot', password: '***', status: 'ok' })),
    );
    expect((await send('PUT /r', { ...shown.json, redirect: 'follow' })).status).toBe(200);
    expect(JSON.parse(texts.get('r') ?? '')).toEqual({ ...row, redirect: 'follow' });
    const refused = await send('PUT /r', { ...shown.json, url: 'evil.test' });
    expect([refused.status, faultsOf(refused)]).toEqual([422, [expect.stringContaining('is for another url')]]);
    const said = JSON.stringify([made.json, shown.json, all.json, refused.json, lines]);
    expect(said).not.toContain(secret);
  });

  test('of its own may be a variable', async () => {
    const env = { ...OPEN, ROW_R: randomUUID() };
    const { send } = scene({}, env);
    expect((await send('PUT /r', { url: 'r.test', username: 'u', password: `$\{ROW_R}` })).json.password).toBe(
      `$\{ROW_R}`,
    );
    const refused = await send('PUT /q', { url: 'q.test', username: 'u', password: `$\{ADMIN_TOKEN}` });
    expect(faultsOf(refused)).toContainEqual(expect.stringContaining('is not set in the environment'));
  });
});

test('each change is a line of the log: who, what, and which keys', async () => {
  const { send, lines } = scene();
  await send('PUT /ghcr', GHCR);
  await send('PUT /ghcr', GHCR);
  await send('PUT /ghcr', { ...GHCR, mirror: true, authEndpoint: 'https://other.test/t' });
  await send('PUT /bad', {});
  await send('DELETE /ghcr');
  expect(lines.map(({ time: _, level: __, ...line }) => line)).toEqual(
    [
      ['created', 'targetDomain authEndpoint'],
      ['changed', 'authEndpoint mirror'],
      ['deleted', 'targetDomain authEndpoint mirror'],
    ].map(([what, keys]) => ({ msg: 'registries changed', what, key: 'ghcr', keys, client: '203.0.113.7', id: 'id' })),
  );
});

describe('nobody', () => {
  test.each<[Fields]>([
    [{ authorization: '' }],
    [{ authorization: 'Bearer' }],
    [{ authorization: `Bearer ${TOKEN}x` }],
    [{ authorization: `Bearer ${TOKEN.slice(1)}` }],
    [{ authorization: `Basic ${btoa(`admin:${TOKEN}`)}` }],
    [{ authorization: TOKEN }],
  ])('is let in with %j', async (headers) => {
    const { send, texts } = scene({ ghcr: GHCR });
    for (const line of ['GET ', 'GET /ghcr', 'PUT /ghcr', 'DELETE /ghcr', 'POST ', 'OPTIONS ']) {
      const { status, header, json } = await send(line, { targetDomain: 'evil.test' }, headers);
      expect([status, header('www-authenticate')]).toEqual([401, 'Bearer realm="registry-proxy administration"']);
      expect(JSON.stringify(json)).not.toContain(TOKEN);
    }
    expect(texts.get('ghcr')).toBe(JSON.stringify(GHCR));
  });

  test('guesses more than ten times a minute, and keeps nobody out by that who is somewhere else', async () => {
    const { send } = scene();
    const guess = () => send('GET ', undefined, { authorization: `Bearer ${randomUUID()}` }, '198.51.100.1');
    for (let n = 0; n < 10; n++) expect((await guess()).status).toBe(401);
    const refused = await guess();
    expect([refused.status, refused.header('retry-after')]).toEqual([429, '60']);
    expect((await send('GET ', undefined, {}, '198.51.100.1')).status).toBe(429);
    expect((await send('GET ')).status).toBe(200);
  });

  test('is kept out by asking without a token, or by being right', async () => {
    const { send } = scene();
    for (let n = 0; n < 20; n++) await send('GET ', undefined, { authorization: '' });
    for (let n = 0; n < 20; n++) expect((await send('GET ')).status).toBe(200);
  });

  test('is served from an address that is not', async () => {
    const env = { ALLOW_CLIENTS: '192.0.2.0/24', TRUST_PROXY: 'false' };
    const { send } = scene({}, env);
    expect([(await send('GET ')).status, (await send('GET ', undefined, {}, '192.0.2.7')).status]).toEqual([403, 200]);
  });
});

test.each([
  ['POST ', 'GET, HEAD'],
  ['PUT ', 'GET, HEAD'],
  ['DELETE ', 'GET, HEAD'],
  ['POST /ghcr', 'GET, HEAD, PUT, DELETE'],
  ['PATCH /ghcr', 'GET, HEAD, PUT, DELETE'],
  ['OPTIONS /ghcr', 'GET, HEAD, PUT, DELETE'],
])('%s is a 405 that says what there is', async (line, allow) => {
  const { status, header, answer } = await scene({ ghcr: GHCR }).send(line, {});
  expect([status, header('allow'), header('access-control-allow-origin'), answer.sameOrigin]).toEqual([
    405,
    allow,
    undefined,
    true,
  ]);
});

test('a store that cannot be reached is said to be one', async () => {
  const { send, place } = scene();
  const fault = async () => {
    throw new RegistryError(503, 'UNAVAILABLE', 'it is gone');
  };
  Object.assign(place.store, { list: fault });
  for (const line of ['GET ', 'GET /a', 'PUT /a', 'DELETE /a']) {
    const { status, json } = await send(line, GHCR);
    expect([status, json.errors[0].message]).toEqual([503, 'it is gone']);
  }
});
