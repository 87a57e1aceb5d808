import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020';
import { readConfig } from '../../src/core/config';
import { RegistryError } from '../../src/core/errors';
import { Exchange } from '../../src/core/exchange';
import { noFiles } from '../../src/core/files';
import { headerOf } from '../../src/core/headers';
import { type Check, READY, readinessAnswer } from '../../src/core/readiness';
import type { Row } from '../../src/core/registry-rows';
import { SEARCH, SEARCH_PING } from '../../src/core/search';
import type { Answer, RequestVerb, ResponseVerb } from '../../src/core/verbs';
import type { ApiPlace } from '../../src/shell/api-place';
import { Attempts } from '../../src/shell/attempts';
import { EXPLAIN, type ExplainPlace, explain } from '../../src/shell/explain-api';
import { createLog } from '../../src/shell/log';
import { hashPassword, makePassword } from '../../src/shell/made-passwords';
import { RegistriesApi } from '../../src/shell/registries-api';
import { createMemory } from '../../src/shell/token-store';
import { type Fields, request, response } from '../core/heads';
import { root } from '../tools/sources';

interface Response {
  $ref?: string;
  headers?: Record<string, { required?: boolean }>;
  content?: Record<string, { schema: { $ref: string } }>;
}

interface Operation {
  responses: Record<string, Response>;
  requestBody?: { content: Record<string, { examples: Record<string, { value: object }> }> };
}

const document = JSON.parse(readFileSync(join(root, 'docs/openapi.json'), 'utf8'));
const METHODS = ['get', 'put', 'delete'] as const;
const paths = document.paths as Record<string, Record<(typeof METHODS)[number], Operation | undefined>>;

/** Everything that it names, as `GET /path 200`. */
const named = Object.entries(paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) =>
    Object.keys(item[method]?.responses ?? {}).map((status) => `${method.toUpperCase()} ${path} ${status}`),
  ),
);

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'api', ...document });
const faultsOf = (pointer: string, value: unknown) => {
  const validate = ajv.compile({ $ref: `api${pointer}` });
  return validate(value) ? [] : validate.errors;
};

function responseOf(path: string, method: string, status: number): Response | undefined {
  const found = paths[path]?.[method.toLowerCase() as 'get']?.responses[String(status)];
  return found?.$ref === undefined ? found : document.components.responses[found.$ref.split('/').at(-1) as string];
}

/** What does not fit to what the document says of an answer. */
function misfits(path: string, method: string, answer: Answer): unknown[] {
  const said = responseOf(path, method, answer.status);
  if (!said) return [`${answer.status} is not named`];
  const lacking = Object.entries(said.headers ?? {})
    .filter(([name, { required }]) => required && headerOf(answer.headers, name.toLowerCase()) === undefined)
    .map(([name]) => `${name} is missing`);
  const schema = said.content?.['application/json']?.schema.$ref;
  const isText = headerOf(answer.headers, 'content-type')?.startsWith('text/plain');
  if (isText && said.content?.['text/plain'] && answer.body !== null) return lacking;
  if (schema === undefined) return [...lacking, ...(answer.body === null ? [] : ['has a body'])];
  const type = headerOf(answer.headers, 'content-type');
  const faults = faultsOf(schema, JSON.parse(answer.body ?? 'null')) ?? [];
  return [...lacking, ...(type === 'application/json' ? [] : [`is ${type}`]), ...faults];
}

const TOKEN = randomUUID();
const GHCR = { targetDomain: 'ghcr.io' };
const LIST = '/-/api/registries';
const ONE = '/-/api/registries/{key}';

type Trouble = 'store' | 'address' | 'guesses' | 'slow' | 'large' | 'needed';

/** What comes of one request where one row is there, and one that is bad. */
async function play(method: string, target: string, body: unknown, headers: Fields = {}, trouble?: Trouble) {
  const rows: Row[] = [
    { key: 'ghcr', text: JSON.stringify(GHCR) },
    { key: 'bad', text: '{"x":"y"}' },
  ];
  const fault = async () => {
    throw new RegistryError(503, 'UNAVAILABLE', 'it is gone');
  };
  const env: Record<string, string> = {
    ADMIN_TOKEN: TOKEN,
    PLATFORM: 'cloudflare-workers',
    ANONYMOUS_PULL: 'true',
    ...(trouble === 'address' && { ALLOW_CLIENTS: '192.0.2.1' }),
    ...(trouble === 'needed' && { DENY_IMAGES: 'ghcr.io/**' }),
  };
  const read = (some: readonly Row[]) => readConfig(env, [], {}, noFiles, some);
  const place: ApiPlace = {
    config: read(rows),
    token: TOKEN,
    store: {
      alone: (work) => work(),
      list: trouble === 'store' ? fault : async () => rows,
      put: async () => true,
      delete: async () => true,
    },
    read,
    onChange: async () => {},
    log: createLog({ level: 'silent', format: 'json', write: () => {} }),
  };
  const api = new RegistriesApi();
  const send = (authorization: string) => {
    const type: Fields = method === 'PUT' ? { 'content-type': 'application/json' } : {};
    const head = request(`${method} ${target}`, { authorization, ...type, ...headers });
    const readBody = async () => {
      if (trouble === 'slow') throw new RegistryError(408, 'UNKNOWN', 'the request body did not come in time');
      if (trouble === 'large') throw new RegistryError(413, 'SIZE_INVALID', 'the request body is too large');
      return typeof body === 'string' ? body : JSON.stringify(body);
    };
    return api.serve({ head, id: 'id', readBody }, place);
  };
  if (trouble === 'guesses') for (let n = 0; n < 10; n++) await send(`Bearer ${randomUUID()}`);
  return send(`Bearer ${TOKEN}`);
}

/** What comes of one question about an image, at an instance whose registry cannot be asked. */
async function askAbout(query: string, headers: Fields = {}, trouble?: Trouble) {
  const config = readConfig({
    ADMIN_TOKEN: TOKEN,
    ...(trouble === 'address' && { ALLOW_CLIENTS: '192.0.2.1' }),
  });
  const place: ExplainPlace = {
    config,
    memory: createMemory(),
    attempts: new Attempts(),
    log: createLog({ level: 'silent', format: 'json', write: () => {} }),
    find: async () => ({ now: 0, documents: {} }),
    open: () => ({
      ask: async ({ method, url }) => ({
        ...{
          method,
          url,
          wait: 1,
          at: 0,
          headers: [],
          received: 0,
          duration: 0,
          ending: 'cut',
          start: new Uint8Array(),
        },
        failure: { kind: 'refused', message: 'connection refused' },
      }),
    }),
  };
  const send = (authorization: string) =>
    explain(request(`GET ${EXPLAIN}${query}`, { authorization, ...headers }), 'id', place);
  if (trouble === 'guesses') for (let n = 0; n < 10; n++) await send(`Bearer ${randomUUID()}`);
  return send(`Bearer ${TOKEN}`);
}

const QUESTIONS: [query: string, headers: Fields, trouble: Trouble | undefined][] = [
  ['?image=nginx', {}, undefined],
  ['?image=quay.io/a/b', {}, undefined],
  ['', {}, undefined],
  ['?image=nginx', { authorization: '' }, undefined],
  ['?image=nginx', {}, 'address'],
  ['?image=nginx', {}, 'guesses'],
];

type Reply = number | 'timeout';

/** What comes of one search, of which the backend makes this. */
function search(target: string, env: Record<string, string>, reply: Reply = 200): Answer {
  const config = readConfig(env);
  const exchange = new Exchange(config, { ...createMemory(), realms: new Map() }, request(`GET ${target}`));
  let verb: RequestVerb | ResponseVerb = exchange.onRequest();
  // So late that nothing is tried again.
  const elapsed = 1e9;
  if (verb.verb === 'forward') {
    verb =
      reply === 'timeout'
        ? exchange.onFailure(verb, { kind: 'timeout', message: 'no response in time' }, elapsed)
        : exchange.onResponse(verb, response(reply), elapsed);
  }
  if (verb.verb === 'answer') return verb;
  if (verb.verb !== 'relay' || !verb.edit) throw new Error(`a search comes to ${verb.verb}`);
  const { status, headers, edit } = verb;
  return {
    verb: 'answer',
    status,
    headers,
    body: edit(JSON.stringify({ num_results: 1, results: [{ name: 'nginx' }] })),
  };
}

const ONLY_ONE = { ALLOW_CLIENTS: '192.0.2.1' };
const SEARCHES: [target: string, env: Record<string, string>, reply?: Reply][] = [
  [SEARCH_PING, {}],
  [SEARCH_PING, ONLY_ONE],
  [SEARCH_PING, { SEARCH_BACKEND: 'none' }],
  [`${SEARCH}?q=nginx`, {}],
  [SEARCH, {}],
  [`${SEARCH}?q=nginx`, { HTPASSWD: `alice:${hashPassword(makePassword())}` }],
  [`${SEARCH}?q=nginx`, ONLY_ONE],
  [`${SEARCH}?q=nginx`, { SEARCH_BACKEND: 'none' }],
  ...([403, 404, 429, 302, 503, 'timeout'] as const).map((reply): [string, Record<string, string>, Reply] => [
    `${SEARCH}?q=nginx`,
    {},
    reply,
  ]),
];

const CHECKS: Check[][] = [
  [{ name: 'configuration' }, { name: 'upstream' }],
  [{ name: 'configuration' }, { name: 'upstream', fault: 'docker.io: connection refused' }],
];

const NOBODY = { authorization: '' };
const CASES: [method: string, path: string, key: string, body: unknown, headers: Fields, trouble?: Trouble][] = [
  ['GET', LIST, '', undefined, {}],
  ['GET', LIST, '', undefined, NOBODY],
  ['GET', LIST, '', undefined, {}, 'store'],
  ['GET', LIST, '', undefined, {}, 'address'],
  ['GET', LIST, '', undefined, {}, 'guesses'],
  ...['GET', 'PUT', 'DELETE'].flatMap((method): typeof CASES => [
    [method, ONE, 'ghcr', GHCR, {}],
    [method, ONE, 'ghcr', GHCR, NOBODY],
    [method, ONE, 'ghcr', GHCR, {}, 'store'],
    [method, ONE, 'ghcr', GHCR, {}, 'address'],
    [method, ONE, 'ghcr', GHCR, {}, 'guesses'],
    [method, ONE, 'a/b', GHCR, {}],
  ]),
  ['GET', ONE, 'bad', undefined, {}],
  ['GET', ONE, 'no', undefined, {}],
  ['DELETE', ONE, 'no', undefined, {}],
  ['DELETE', ONE, 'ghcr', undefined, { 'if-match': '"x"' }],
  ['DELETE', ONE, 'ghcr', undefined, {}, 'needed'],
  ['PUT', ONE, 'new', { url: 'r.test', username: 'u', password: randomUUID() }, {}],
  ['PUT', ONE, 'new', '{', {}],
  ['PUT', ONE, 'new', { x: 1 }, {}],
  ['PUT', ONE, 'new', GHCR, { 'content-type': 'text/plain' }],
  ['PUT', ONE, 'new', GHCR, {}, 'slow'],
  ['PUT', ONE, 'new', GHCR, {}, 'large'],
  ['PUT', ONE, 'ghcr', GHCR, { 'if-none-match': '*' }],
];

describe('docs/openapi.json', () => {
  const seen = new Set<string>();

  test.each(CASES)('%s %s with the key "%s" and %j, %j, %s is answered as it says', async (...given) => {
    const [method, path, key, body, headers, trouble] = given;
    const answer = await play(method, path.replace('{key}', key), body, headers, trouble);
    seen.add(`${method} ${path} ${answer.status}`);
    expect(misfits(path, method, answer)).toEqual([]);
  });

  test.each(QUESTIONS)('GET /-/explain%s with %j, %s is answered as it says', async (query, headers, trouble) => {
    const answer = await askAbout(query, headers, trouble);
    seen.add(`GET ${EXPLAIN} ${answer.status}`);
    expect(misfits(EXPLAIN, 'GET', answer)).toEqual([]);
  });

  test.each(SEARCHES.map(([target, env, reply = 200]) => [target, Object.keys(env).join(), reply, env] as const))(
    'GET %s with %s, where the backend answers %s, is answered as it says',
    (target, _, reply, env) => {
      const answer = search(target, env, reply);
      const path = target.replace(/\?.*/, '');
      seen.add(`GET ${path} ${answer.status}`);
      expect(misfits(path, 'GET', answer)).toEqual([]);
    },
  );

  test.each(CHECKS.map((checks) => [checks]))('GET /-/readyz with %j is answered as it says', (checks) => {
    const answer = readinessAnswer(checks, request(`GET ${READY}`), readConfig({}));
    seen.add(`GET ${READY} ${answer.status}`);
    expect(misfits(READY, 'GET', answer)).toEqual([]);
  });

  test('names nothing that was not tried', () => {
    expect([...seen].sort()).toEqual([...named].sort());
  });

  const examples = Object.entries(paths[ONE]?.put?.requestBody?.content['application/json']?.examples ?? {});

  test.each(examples.map(([name, { value }]) => [name, value] as const))(
    'its example %s is a row',
    async (name, row) => {
      expect(faultsOf('#/components/schemas/Row', row)).toEqual([]);
      const answer = await play('PUT', `${LIST}/${name}`, row);
      expect([200, 201]).toContain(answer.status);
    },
  );

  test('knows every key of a row, and no other', async () => {
    const { key: _, status: __, ...properties } = document.components.schemas.Row.properties as Record<string, unknown>;
    const refused = async (row: object) => {
      const { body } = await play('PUT', `${LIST}/new`, row);
      return (body ?? '').includes('unknown key');
    };
    for (const key of Object.keys(properties)) expect([key, await refused({ [key]: {} })]).toEqual([key, false]);
    const keys = readFileSync(join(root, 'src/core/registry-entry.ts'), 'utf8');
    const asked = [...keys.matchAll(/(?:take|flag|choice|list|mapping|has|one)\((?:fields, )?'(\w+)'(?:, '(\w+)')?/g)];
    const known = asked.flatMap(([, one, other]) => [one, other]).filter((each) => each !== undefined);
    const words = ['pass', 'relay', 'proxy', 'value', 'rewrite', 'follow'];
    const lacking = known.filter((each) => !words.includes(each) && !(each in properties));
    expect(lacking).toEqual([]);
  });
});
