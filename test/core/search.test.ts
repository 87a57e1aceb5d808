import { headerOf } from '../../src/core/headers';
import { readSearch, searchForward } from '../../src/core/search';
import { hrefOf } from '../../src/core/url';
import { configOf, refusal, request } from './heads';

const SECRET = 'a-word-that-nobody-knows';

const read = (query: string, env: Record<string, string> = {}, host = 'r.example.com') =>
  readSearch(query, configOf(env), host);

const asked = (query: string, env: Record<string, string> = {}, host?: string) =>
  hrefOf(searchForward(request('GET /'), read(query, env, host), configOf(env)).url);

describe('a question', () => {
  test.each<[string, Record<string, string>, string, string]>([
    ['?q=nginx', {}, 'https://index.docker.io/v1/search?q=nginx&n=25', ''],
    ['?q=nginx&n=100&page=3', {}, 'https://index.docker.io/v1/search?q=nginx&n=100&page=3', ''],
    ['?q=a&n=1000', {}, 'https://index.docker.io/v1/search?q=a&n=100', ''],
    ['?q=%20two+words%20', {}, 'https://index.docker.io/v1/search?q=two%20words&n=25', ''],
    ['?q=a%26n%3D1%23', {}, 'https://index.docker.io/v1/search?q=a%26n%3D1%23&n=25', ''],
    ['?q=acme/app', {}, 'https://index.docker.io/v1/search?q=acme%2Fapp&n=25', ''],
    ['?q=library/nginx', {}, 'https://index.docker.io/v1/search?q=nginx&n=25', ''],
    ['?q=docker.io/library/nginx', {}, 'https://index.docker.io/v1/search?q=nginx&n=25', ''],
    ['?q=Index.Docker.IO/nginx', {}, 'https://index.docker.io/v1/search?q=nginx&n=25', ''],
    ['?q=app', { REPO_PREFIX: 'acme' }, 'https://index.docker.io/v1/search?q=acme%2Fapp&n=25', ''],
    [`?q=${SECRET}/app`, { ACCESS_SECRET: SECRET }, 'https://index.docker.io/v1/search?q=app&n=25', ''],
    [
      '?q=nginx',
      { REGISTRY_BACKEND: 'https://ghcr.io', REGISTRIES: 'docker.io' },
      'https://index.docker.io/v1/search?q=nginx&n=25',
      'docker.io/',
    ],
    [
      '?q=app',
      { REGISTRY_BACKEND: 'https://quay.io', REGISTRIES: 'docker.io', SEARCH_BACKEND: 'https://quay.io' },
      'https://quay.io/v1/search?q=app&n=25',
      '',
    ],
    [
      '?q=quay.io/app',
      { REGISTRIES: 'quay.io', SEARCH_BACKEND: 'https://quay.io' },
      'https://quay.io/v1/search?q=app&n=25',
      'quay.io/',
    ],
    [
      '?q=app',
      { SEARCH_BACKEND: 'https://far.example.com/hub' },
      'https://far.example.com/hub/v1/search?q=app&n=25',
      '',
    ],
  ])('%s (%j) is asked as %s', (query, env, url, before) => {
    expect(asked(query, env)).toBe(url);
    expect(read(query, env).before).toBe(before);
  });

  test.each<[string, Record<string, string>, string]>([
    ['', {}, '400 UNSUPPORTED'],
    ['?q=', {}, '400 UNSUPPORTED'],
    ['?q=%20', {}, '400 UNSUPPORTED'],
    ['?q=a&q=b', {}, '400 UNSUPPORTED'],
    ['?q=a%0d%0ab', {}, '400 UNSUPPORTED'],
    ['?q=docker.io/', {}, '400 UNSUPPORTED'],
    [`?q=${'a'.repeat(256)}`, {}, '400 UNSUPPORTED'],
    [`?q=${SECRET}`, { ACCESS_SECRET: SECRET }, '400 UNSUPPORTED'],
    [`?q=${SECRET}/`, { ACCESS_SECRET: SECRET }, '400 UNSUPPORTED'],
    ['?q=a&n=0', {}, '400 UNSUPPORTED'],
    ['?q=a&n=1.5', {}, '400 UNSUPPORTED'],
    ['?q=a&n=-1', {}, '400 UNSUPPORTED'],
    ['?q=a&page=0', {}, '400 UNSUPPORTED'],
    ['?q=a&page=1001', {}, '400 UNSUPPORTED'],
    ['?q=ghcr.io/a', {}, '404 NAME_UNKNOWN'],
    ['?q=ghcr.io/a', { REGISTRIES: 'ghcr.io' }, '404 UNSUPPORTED'],
    ['?q=localhost:5000/a', {}, '404 NAME_UNKNOWN'],
  ])('%s (%j) is refused with %s', (query, env, status) => {
    expect(refusal(() => read(query, env))).toBe(status);
  });

  test('by the host of a registry is one about that registry', () => {
    const env = { REGISTRY_BACKEND: 'https://ghcr.io', REGISTRIES: 'docker.io,quay.io' };
    expect(read('?q=a', env, 'docker.r.example.com').before).toBe('');
    expect(refusal(() => read('?q=a', env, 'quay.r.example.com'))).toBe('404 UNSUPPORTED');
  });

  test('goes nowhere where there is no search', () => {
    expect(refusal(() => asked('?q=a', { SEARCH_BACKEND: 'none' }))).toBe('404 UNSUPPORTED');
    expect(refusal(() => asked('?q=a', { REGISTRY_BACKEND: 'https://ghcr.io' }))).toBe('404 UNSUPPORTED');
  });

  test('takes nothing with it that says who asks', () => {
    const head = request('GET /', {
      authorization: 'Basic eDp5',
      cookie: 'a=b',
      accept: '*/*',
      'user-agent': 'docker/28',
    });
    const { headers } = searchForward(head, read('?q=a'), configOf({}));
    expect(headers.map(([name]) => name).sort()).toEqual(['accept', 'accept-encoding', 'user-agent', 'via']);
    expect(headerOf(headers, 'accept')).toBe('application/json');
  });

  test.each<[Record<string, string>, string]>([
    [{}, 'public'],
    [{ SEARCH_BACKEND: 'http://10.0.0.7:8080' }, 'any'],
    [{ SEARCH_BACKEND: 'https://search.example.com' }, 'public'],
    [{ SEARCH_BACKEND: 'https://search.example.com', ALLOW_PRIVATE_ADDRESSES: 'true' }, 'any'],
  ])('with %j may connect to %s addresses', (env, reach) => {
    expect(searchForward(request('GET /'), read('?q=a', env), configOf(env)).reach).toBe(reach);
  });
});
