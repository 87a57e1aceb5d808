import { headersOf, requestHead } from '../../src/worker/heads';

test('of several challenges, which share one line, a Bearer stands first', () => {
  const headers = headersOf([
    ['www-authenticate', 'Basic realm="a"'],
    ['link', '</a>'],
    ['www-authenticate', 'Bearer realm="b"'],
    ['www-authenticate', 'Negotiate'],
  ]);
  expect(headers.get('www-authenticate')).toBe('Bearer realm="b", Basic realm="a", Negotiate');
  expect(headers.get('link')).toBe('</a>');
});

test.each([
  ['https://r.example.com/v2/a/b/manifests/v1?ns=x', '/v2/a/b/manifests/v1?ns=x', true],
  ['http://127.0.0.1:8787/', '/', false],
])('%s is for %s', (url, target, secure) => {
  const request = new Request(url, { headers: { 'cf-connecting-ip': '2001:db8::7' } });
  expect(requestHead(request)).toMatchObject({ method: 'GET', target, peer: { address: '2001:db8::7', secure } });
});

test('where no edge says who the client is, it is on this machine', () => {
  expect(requestHead(new Request('http://x/')).peer.address).toBe('127.0.0.1');
});

test('what the edge repeats of the client is not the word of a proxy in front', () => {
  const told = (fields: Record<string, string>) =>
    requestHead(new Request('https://r.test/', { headers: fields })).headers.map(([name]) => name);
  const edge = { 'cf-connecting-ip': '192.0.2.7', 'x-real-ip': '192.0.2.7' };
  expect(told(edge)).toEqual(['cf-connecting-ip']);
  expect(told({ ...edge, 'x-forwarded-for': '192.0.2.7' })).toEqual(['cf-connecting-ip']);
  // Here there is one, and the edge's client is that one.
  expect(told({ ...edge, 'x-forwarded-for': '10.0.0.1, 192.0.2.7' })).toEqual(['cf-connecting-ip', 'x-forwarded-for']);
  // No edge has set these.
  expect(told({ 'x-real-ip': '192.0.2.7' })).toEqual(['x-real-ip']);
});
