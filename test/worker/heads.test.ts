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
