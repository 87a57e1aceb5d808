import { platformOfEdge } from '../../../src/core/doctor/edge';
import { findingsOf, STEPS } from '../../../src/core/doctor/finding';
import { languageOfLocale, languageOfRequest, wordsIn } from '../../../src/core/doctor/language';
import { findingFields, printEnd, printFindings } from '../../../src/core/doctor/print';
import { judge } from '../../../src/core/doctor/report';
import { completeFor, smallImageFor } from '../../../src/core/doctor/small-image';
import { english } from '../../../src/core/doctor/words-en';
import { chinese } from '../../../src/core/doctor/words-zh';
import { sources } from '../../tools/sources';
import { fields, url } from '../heads';
import { healthy } from './evidence';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe('the words of findings', () => {
  test('are there in both languages, with the same values in them', () => {
    const shape = (words: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(words).map(([key, text]) => [key, placeholders(text)]));
    expect(shape(chinese)).toEqual(shape(english));
    expect(Object.values(chinese).filter((text) => /\p{Script=Han}/u.test(text)).length).toBeGreaterThan(100);
    expect(Object.values(english).filter((text) => /[^\x20-\x7e–…∞]/.test(text))).toEqual([]);
  });

  test('are all used, and name each step', () => {
    const used = sources('src', /\.ts$/).filter(({ path }) => !/words-(en|zh)\.ts$/.test(path));
    const code = used.map(({ text }) => text).join('\n');
    const named = Object.keys(english).filter((key) => !key.startsWith('step.'));
    expect(named.filter((key) => !code.includes(`'${key}'`))).toEqual([]);
    expect(Object.keys(english).filter((key) => key.startsWith('step.'))).toEqual(STEPS.map((step) => `step.${step}`));
  });

  test('name settings that exist', async () => {
    const { settings } = await import('../../../src/core/settings');
    const known: readonly string[] = [...settings.map(({ name }) => name), 'NODE_EXTRA_CA_CERTS', 'NAME'];
    const named = [...Object.values(english), ...Object.values(chinese)].flatMap(
      (text) => text.replace(/WWW-Authenticate/g, '').match(/\b[A-Z][A-Z]+_[A-Z_]+\b/g) ?? [],
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  test.each(['en', 'zh'] as const)('have all of their values in %s', (language) => {
    const words = wordsIn(language);
    const lines = printFindings(judge(healthy()), words);
    expect(lines.length).toBeGreaterThan(12);
    expect(lines.filter((line) => /[{}]|undefined/.test(line))).toEqual([]);
  });
});

describe('printing', () => {
  const bad = findingsOf('challenge').bad(
    'challenge.host',
    { host: 'a', realm: 'https://b', origin: 'https://a' },
    'set.origin',
  );
  const good = findingsOf('dns').good('dns.found', { host: 'a', addresses: '192.0.2.1', ms: 3 });

  test('says what to set below what is wrong, in columns', () => {
    expect(printFindings([good, bad], english)).toEqual([
      '✓ name        a: 192.0.2.1 in 3 ms',
      '✗ challenge   the token server is named by another host than a: https://b',
      '              set: X-Forwarded-Proto and Host at the front proxy, TRUST_PROXY to believe it; or PUBLIC_URL=https://a',
    ]);
    const [name, challenge] = printFindings([good, bad], chinese);
    expect([name, challenge]).toEqual([
      '✓ 域名       a：192.0.2.1，3 毫秒',
      expect.stringMatching(/^✗ 认证质询 {3}令牌/),
    ]);
  });

  test('ends with a count of what fails', () => {
    expect(printEnd([good, bad], english, 'https://a', 'nginx')).toBe('https://a: 1 of the checks failed');
    expect(printEnd([good], english, 'https://a', 'nginx')).toBe('https://a: nothing stands in the way of nginx');
  });

  test('has keys for programs that no language changes', () => {
    const [one, other] = [english, chinese].map((words) => findingFields(bad, words));
    expect(one).toMatchObject({ step: 'challenge', mark: 'bad', says: 'challenge.host', set: 'set.origin' });
    expect({ ...one, message: '', remedy: '' }).toEqual({ ...other, message: '', remedy: '' });
    expect(one).not.toEqual(other);
  });
});

describe('the language', () => {
  test.each([
    [{ LANG: 'zh_CN.UTF-8' }, 'zh'],
    [{ LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, 'en'],
    [{ LANG: 'de_DE', LC_MESSAGES: 'zh' }, 'zh'],
    [{ LANG: 'zha_XX' }, 'en'],
    [{}, 'en'],
  ])('of the environment %j is %s', (env, expected) => {
    expect(languageOfLocale(env)).toBe(expected);
  });

  test.each([
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
    ['en-US,en;q=0.9,zh;q=0.8', 'en'],
    ['de, zh;q=0.5', 'zh'],
    ['zh;q=0, en', 'en'],
    ['*', 'en'],
    ['', 'en'],
  ])('of a request with %j is %s', (field, expected) => {
    expect(languageOfRequest(field)).toBe(expected);
  });
});

test.each([
  [{ 'x-fc-request-id': '1' }, 'aliyun-fc'],
  [{ 'x-scf-request-id': '1' }, 'tencent-scf'],
  [{ 'x-amzn-requestid': '1' }, 'aws-lambda'],
  [{ server: 'Google Frontend' }, 'cloud-run'],
  [{ server: 'cloudflare', 'cf-ray': '1' }, 'cloudflare-workers'],
  [{ server: 'nginx' }, undefined],
])('an answer with %j comes through %s', (headers, expected) => {
  expect(platformOfEdge(fields(headers))).toBe(expected);
});

describe('an image to try with', () => {
  const page = (name: string) =>
    `registry-proxy-serverless: a proxy of container registries\n\n  ${name} (https://x)\n  quay.io (https://quay.io)\n`;

  test.each([
    ['https://r.example.com', page('docker.io'), 'library/hello-world:latest'],
    ['https://r.example.com', page('ghcr.io'), 'containerd/busybox:1.36'],
    ['https://registry-1.docker.io', '<html>', 'library/hello-world:latest'],
    ['https://quay.io', '', 'prometheus/busybox:latest'],
    ['https://r.example.com', page('corp.example.com'), undefined],
    ['https://r.example.com', '', undefined],
  ])('at %s is one that is there', (target, text, expected) => {
    expect(smallImageFor(url(target), text)).toBe(expected);
  });

  test('is completed at Docker Hub itself', () => {
    expect(completeFor('nginx', url('https://registry-1.docker.io'))).toBe('library/nginx');
    expect(completeFor('nginx', url('https://r.example.com'))).toBe('nginx');
  });
});
