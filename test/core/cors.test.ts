import { answerOptions, corsHeaders } from '../../src/core/cors';
import { headerOf } from '../../src/core/headers';
import { configOf, fields, REGISTRY } from './heads';

test('OPTIONS and preflights are answered, without credentials', () => {
  const { status, body, headers } = answerOptions();
  expect([status, body]).toEqual([204, null]);
  for (const name of ['allow', 'access-control-allow-methods']) {
    expect(headerOf(headers, name)?.split(', ').sort()).toEqual([
      'DELETE',
      'GET',
      'HEAD',
      'OPTIONS',
      'PATCH',
      'POST',
      'PUT',
    ]);
  }
  expect(headerOf(headers, 'access-control-allow-origin')).toBe('*');
  expect(headerOf(headers, 'access-control-allow-headers')).toMatch(/Authorization/);
  expect(headerOf(headers, 'access-control-allow-credentials')).toBeUndefined();
});

test('pages may read what they need, where one asks', () => {
  expect(corsHeaders([], configOf())).toEqual([]);
  const headers = corsHeaders(fields({ origin: 'https://ui.example.org' }), configOf());
  expect(headerOf(headers, 'access-control-allow-origin')).toBe('*');
  for (const name of ['Docker-Content-Digest', 'WWW-Authenticate', 'Link', 'Location', 'Content-Range']) {
    expect(headerOf(headers, 'access-control-expose-headers')).toContain(name);
  }
});

test('pages read nothing by the address of whoever opens them', () => {
  const config = configOf({ ...REGISTRY, ALLOW_CLIENTS: 'private' });
  expect(corsHeaders(fields({ origin: 'https://evil.example' }), config)).toEqual([]);
});
