import { randomBytes } from 'node:crypto';
import { pageTarget, smallPage } from '../../src/pages/page-target';
import { configOf, type Fields, request } from '../core/heads';

const SECRET = randomBytes(12).toString('hex');
const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const secret = { ACCESS_SECRET: SECRET };

const target = (line: string, headers: Fields = browser, env: Record<string, string> = {}) =>
  pageTarget(request(line, headers), configOf(env));

test.each([
  ['GET /', browser, 'page'],
  ['HEAD /?image=nginx', browser, 'page'],
  ['GET /', { accept: '*/*' }, 'text'],
  ['GET /', {}, 'text'],
  ['GET /', { accept: 'TEXT/HTML;level=1' }, 'page'],
  ['GET /', { accept: ['application/json', 'text/html;q=0.1'] }, 'page'],
  ['GET /', { accept: 'text/html;q=0, */*' }, 'text'],
  ['GET /favicon.ico', browser, 'icon'],
  ['GET /robots.txt', {}, 'robots'],
  ['POST /', browser, undefined],
  ['GET //', browser, undefined],
  ['GET /nginx', browser, undefined],
  ['GET /v2/', browser, undefined],
] as const)('%s with %j is %s', (line, headers, kind) => {
  expect(target(line, headers as Fields)?.kind).toBe(kind);
});

test.each([
  ['DISABLE_LANDING_PAGE', 'true'],
  ['REPO_PREFIX', 'mine'],
])('there is none with %s=%s', (name, value) => {
  const env = { [name]: value };
  for (const path of ['/', '/favicon.ico', '/robots.txt']) expect(target(`GET ${path}`, browser, env)).toBeUndefined();
});

test.each([
  [`/${SECRET}`, '', true],
  [`/${SECRET}/`, '', true],
  [`/${SECRET}?image=a`, '?image=a', true],
  [`/${SECRET}/?image=a`, '?image=a', true],
  ['/?image=a', '?image=a', false],
])('with a secret, %s', (path, query, isGuest) => {
  expect(target(`GET ${path}`, browser, secret)).toEqual({
    kind: 'page',
    query,
    isGuest,
  });
});

test('a secret that is wrong, or stands elsewhere, is no page', () => {
  for (const path of [`/${SECRET}x/`, `/x/${SECRET}`, `/${SECRET}/nginx`])
    expect(target(`GET ${path}`, browser, secret)).toBeUndefined();
});

test('a secret may be the first label of the host', () => {
  const at = (host: string) => target('GET /', { ...browser, host }, secret)?.isGuest;
  expect([at(`${SECRET}.r.example.com`), at('r.example.com')]).toEqual([true, false]);
});

test('programs get a text that says which page it is not', () => {
  const answer = (line: string, env: Record<string, string> = {}, headers: Fields = {}) => {
    const head = request(line, headers);
    const config = configOf(env);
    const found = pageTarget(head, config);
    return found && smallPage(head, found, config);
  };
  expect(answer('GET /')?.headers).toContainEqual(['vary', 'accept, accept-language']);
  expect(answer('GET /')?.body).toContain('docker.io');
  expect(answer('GET /', secret)?.body).not.toContain('docker.io');
  expect(answer(`GET /${SECRET}/`, secret)?.body).toContain('docker.io');
  expect(answer('GET /robots.txt')?.body).toBe('User-agent: *\nDisallow: /\n');
  expect(answer('GET /favicon.ico')?.body).toMatch(/^<svg /);
  expect(answer('GET /', {}, browser)).toBeUndefined();
  for (const path of ['/', '/favicon.ico', '/robots.txt'])
    expect(answer(`GET ${path}`, { ALLOW_CLIENTS: '192.0.2.1' }, browser)?.status).toBe(403);
});
