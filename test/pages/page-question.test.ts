import { readPageQuestion } from '../../src/pages/page-question';
import { type Fields, request } from '../core/heads';

const origin = { scheme: 'https', hostname: 'r.example.com', port: 443 } as const;
const read = (query: string, headers: Fields = {}) => readPageQuestion(request('GET /', headers), query, origin);

test.each([
  ['', { kind: 'home' }],
  ['?image=', { kind: 'home' }],
  ['?image=+&x=1', { kind: 'home' }],
  ['?image=nginx', { kind: 'image', text: 'nginx' }],
  ['?image=%20nginx%3A1.27%20', { kind: 'image', text: 'nginx:1.27' }],
  ['?image=sudo+docker+pull+nginx', { kind: 'image', text: 'nginx' }],
  ['?image=podman+image+pull+quay.io/a/b', { kind: 'image', text: 'quay.io/a/b' }],
  ['?image=docker://ghcr.io/a/b', { kind: 'image', text: 'ghcr.io/a/b' }],
  ['?image=https://r.example.com/a/b', { kind: 'image', text: 'a/b' }],
  ['?image=R.example.com/a/b', { kind: 'image', text: 'a/b' }],
  ['?search=my+sql', { kind: 'search', text: 'my sql' }],
  ['?image=nginx&search=', { kind: 'search', text: 'nginx' }],
  ['?image=nginx&search=redis', { kind: 'search', text: 'redis' }],
  ['?search=', { kind: 'home' }],
  [`?image=${'a'.repeat(5000)}`, { kind: 'image', text: 'a'.repeat(1000) }],
  ['?image=%', { kind: 'image', text: '%' }],
])('%s asks for %j', (query, asks) => {
  expect(read(query).asks).toEqual(asks);
});

test.each([
  ['', false],
  ['?login=', true],
  ['?login', true],
  ['?image=nginx&login=', true],
])('%s asks for a login: %s', (query, logsIn) => {
  expect(read(query).logsIn).toBe(logsIn);
});

test.each([
  ['', undefined, 'en', undefined],
  ['', 'zh-CN,zh;q=0.9,en;q=0.8', 'zh', undefined],
  ['', 'en;q=0.2, zh-TW;q=0.3', 'zh', undefined],
  ['', 'zh;q=0, de', 'en', undefined],
  ['?lang=zh', 'en', 'zh', 'zh'],
  ['?lang=en', 'zh', 'en', 'en'],
  ['?lang=fr', 'zh', 'zh', undefined],
])('%s with Accept-Language %s is read in %s', (query, field, language, lang) => {
  const question = read(query, field === undefined ? {} : { 'accept-language': field });
  expect([question.language, question.lang]).toEqual([language, lang]);
});
