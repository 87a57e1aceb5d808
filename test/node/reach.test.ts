import { createServer } from 'node:net';
import { parseUrl, type Url } from '../../src/core/url';
import { reachHost } from '../../src/node/reach';
import { createAuthority } from '../upstream/certificates';
import { listen, type Upstream } from '../upstream/listen';

const WITHIN = 5000;
const DAY = 24 * 60 * 60 * 1000;
const upstreams: Upstream[] = [];
afterAll(() => Promise.all(upstreams.map((each) => each.stop())));

async function serve(names: string[], lifetime?: { from: Date; to: Date }): Promise<Url> {
  const authority = await createAuthority();
  const tls = await authority.issue(names, lifetime);
  const upstream = await listen('tls', ({ send }) => send(200), { tls });
  upstreams.push(upstream);
  return parseUrl(upstream.url) as Url;
}

test('a name is looked up, and each of its families tried', async () => {
  const upstream = await listen('plain', ({ send }) => send(200));
  upstreams.push(upstream);
  const url = { ...(parseUrl(upstream.url) as Url), hostname: 'localhost' };
  const { addresses, dials, handshake } = await reachHost(url, WITHIN);
  expect(addresses?.found).toContain('127.0.0.1');
  expect(dials.find(({ family }) => family === 4)).toMatchObject({ address: '127.0.0.1' });
  expect(dials.find(({ family }) => family === 4)?.failure).toBeUndefined();
  expect(handshake).toBeUndefined();
});

test('a name that is not there says so, and nothing else is tried', async () => {
  const url = parseUrl('https://nowhere.invalid') as Url;
  const { addresses, dials } = await reachHost(url, WITHIN);
  expect([addresses?.found, addresses?.why, dials]).toEqual([[], expect.stringMatching(/not found|resolver/), []]);
});

test('a port that nobody listens on is refused', async () => {
  const { dials } = await reachHost(parseUrl('http://127.0.0.1:1') as Url, WITHIN);
  expect(dials).toMatchObject([{ address: '127.0.0.1', family: 4, failure: { kind: 'refused' } }]);
});

test('a certificate is read, and why it is not accepted', async () => {
  const stranger = await reachHost(await serve(['127.0.0.1']), WITHIN);
  expect(stranger.handshake).toMatchObject({
    version: 'TLSv1.3',
    names: ['127.0.0.1'],
    issuer: 'Registry test authority',
    distrust: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  });
  expect(stranger.handshake?.until).toBeGreaterThan(Date.now() + 29 * DAY);
  const past = { from: new Date(Date.now() - 9 * DAY), to: new Date(Date.now() - 2 * DAY) };
  const old = await reachHost(await serve(['127.0.0.1'], past), WITHIN);
  expect(old.handshake?.until).toBeLessThan(Date.now() - DAY);
});

test('a port of plain http gives no handshake', async () => {
  const upstream = await listen('plain', ({ send }) => send(200));
  upstreams.push(upstream);
  const { handshake } = await reachHost(parseUrl(upstream.url.replace('http:', 'https:')) as Url, WITHIN);
  expect(handshake).toMatchObject({ failure: { kind: expect.stringMatching(/tls|reset/) } });
});

test('somebody who is silent has a time for it', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const { dials, handshake } = await reachHost(parseUrl(`https://127.0.0.1:${port}`) as Url, 200);
  expect([dials[0]?.failure, handshake?.failure?.kind]).toEqual([undefined, 'timeout']);
  server.close();
});
