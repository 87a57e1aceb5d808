import { readConfig } from '../../src/core/config';
import { parseUrl, type Url } from '../../src/core/url';
import type { RequestHead } from '../../src/core/verbs';
import { openDoctorDoor } from '../../src/node/doctor-door';
import type { Door, Question } from '../../src/shell/doctor-door';
import { hashPassword, makePassword } from '../../src/shell/made-passwords';
import { searchHits } from '../../src/shell/search-page';
import { nodeOnly, type Runtime } from '../runtimes';
import { basic } from '../upstream/client';
import { stageFor } from '../upstream/scene';
import type { Hit } from '../upstream/search';

const stage = stageFor(nodeOnly[0] as Runtime);
const ending = new AbortController();
const network = openDoctorDoor(ending.signal);
afterEach(async () => expect(await stage.close()).toEqual([]));
afterAll(() => network.close());

/** A visitor of a page of this instance; their search is asked over the network. */
async function visitor(env: Record<string, string> = {}, hits?: readonly Hit[]) {
  const search = await stage.search(hits);
  const all = { REGISTRY_NAME: 'docker.io', SEARCH_BACKEND: search.url, ...env };
  const proxy = await stage.proxy(await stage.registry(), all);
  const config = readConfig({ REGISTRY_BACKEND: 'http://127.0.0.1:9', ...all });
  const asked: Question[] = [];
  const door: Door = {
    ask: (question) => {
      asked.push(question);
      return network.ask({ ...question, url: { ...(parseUrl(proxy.url) as Url), ...pick(question.url) } });
    },
  };
  const headOf = (target: string, more: RequestHead['headers'] = []): RequestHead => ({
    method: 'GET',
    target,
    headers: [['host', 'r.example.com'], ...more],
    peer: { address: '127.0.0.1', secure: true },
  });
  const find = (term: string, headers?: RequestHead['headers'], target = '/?search=x') =>
    searchHits(term, { config, head: headOf(target, headers), open: () => door });
  return { find, asked, search };
}

const pick = ({ path, query }: Url) => ({ path, query });

test('a page gets the hits of docker search', async () => {
  const { find, asked } = await visitor({}, [{ name: 'nginx', description: 'Web', star_count: 3, is_official: true }]);
  expect(await find('résumé & co')).toEqual({
    hits: [{ name: 'nginx', description: 'Web', stars: 3, isOfficial: true }],
  });
  expect(asked[0]?.url).toMatchObject({ hostname: 'r.example.com', query: '?q=r%C3%A9sum%C3%A9%20%26%20co&n=25' });
});

test('with the visitor’s own login, and nothing else of theirs', async () => {
  const password = makePassword();
  const { find, asked } = await visitor({ HTPASSWD: `alice:${hashPassword(password)}`, AUTH_REALM: 'here' });
  expect(await find('nginx', [['cookie', 'a=b']])).toEqual({
    refused: { status: 401, code: 'UNAUTHORIZED', message: 'log in first', challenge: 'Basic realm="here"' },
  });
  const authorization = basic('alice', password);
  expect(await find('nginx', [['authorization', authorization]])).toMatchObject({ hits: [{}, {}, {}] });
  expect(asked.map(({ headers }) => headers)).toEqual([[], [['authorization', authorization]]]);
});

test('below the path by which the visitor has come', async () => {
  const secret = 'a-word-that-nobody-knows';
  const { find, asked } = await visitor({ ACCESS_SECRET: secret });
  expect(await find('nginx')).toMatchObject({ refused: { status: 403 } });
  expect(await find('nginx', [], `/${secret}/?search=nginx`)).toMatchObject({ hits: [{}, {}, {}] });
  expect(asked[1]?.url.path).toBe(`/${secret}/v1/search`);
});

test.each<[string, number, Record<string, string>, object]>([
  ['has had enough', 429, { 'retry-after': '30' }, { status: 429, code: 'TOOMANYREQUESTS', retryAfter: '30' }],
  ['wants a login', 401, { 'www-authenticate': 'Basic realm="theirs"' }, { status: 502, code: 'UNAVAILABLE' }],
])('is told where the backend %s', async (_, status, headers, refused) => {
  const { find, search } = await visitor();
  search.fail(/search/, { kind: 'status', status, headers });
  const found = await find('nginx');
  expect(found).toEqual({ refused: { ...refused, message: `the search backend answers ${status}` } });
});

test.each([
  ['', 400],
  ['ghcr.io/app', 404],
  ['a\u0007b', 400],
])('%j is no term, and nobody is asked', async (term, status) => {
  const { find, asked } = await visitor();
  expect(await find(term)).toMatchObject({ refused: { status } });
  expect(asked).toEqual([]);
});

test('is told where nothing answers, or not all of it comes', async () => {
  const config = readConfig({});
  const head: RequestHead = {
    method: 'GET',
    target: '/',
    headers: [['host', 'h']],
    peer: { address: '::1', secure: false },
  };
  const seen = {
    method: 'GET',
    url: parseUrl('http://h/') as Url,
    wait: 0,
    at: 0,
    received: 0,
    duration: 0,
    headers: [],
  };
  const by = (more: object) => async () => ({ ...seen, ending: 'cut', start: new Uint8Array(), ...more }) as const;
  const find = (ask: unknown) => searchHits('a', { config, head, open: () => ({ ask }) as Door });
  expect(await find(by({ failure: { kind: 'timeout', message: 'no time left' } }))).toEqual({
    refused: { status: 502, code: 'UNAVAILABLE', message: 'no time left' },
  });
  expect(await find(by({ status: 200 }))).toMatchObject({ refused: { status: 502 } });
});
