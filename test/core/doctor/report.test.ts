import { capabilities } from '../../../src/core/capabilities';
import type { Evidence } from '../../../src/core/doctor/evidence';
import { hasFailed } from '../../../src/core/doctor/finding';
import { judge } from '../../../src/core/doctor/report';
import { DIGEST } from '../heads';
import {
  blob,
  blobBody,
  bytes,
  CHALLENGE,
  failed,
  healthy,
  later,
  manifest,
  manifestFields,
  NOW,
  ping,
  rangeSeen,
  seen,
} from './evidence';

/** Findings that are not good, as `mark step says → set`. */
function wrong(more: Partial<Evidence> = {}): string[] {
  const all = judge(healthy(more)).filter(({ mark }) => mark !== 'good');
  return all.map(({ mark, step, says, set }) => `${mark} ${step} ${says}${set ? ` → ${set}` : ''}`);
}

test('where all is well, nothing is found fault with, and each step is told', () => {
  const findings = judge(healthy());
  expect(wrong()).toEqual([]);
  expect(hasFailed(findings)).toBe(false);
  expect([...new Set(findings.map(({ step }) => step))]).toEqual([
    ...['dns', 'connect', 'tls', 'clock', 'edge', 'ping', 'challenge', 'token'],
    ...['manifest', 'config', 'layer', 'range', 'cache'],
  ]);
});

const reach = (more: Partial<NonNullable<Evidence['reach']>>) => ({
  reach: { ...healthy().reach, dials: [], ...more },
});
const handshake = (more: object) => ({
  reach: {
    dials: [{ address: '192.0.2.1', family: 4 as const, wait: 1 }],
    handshake: { ...healthy().reach?.handshake, wait: 1, names: ['r.example.com'], ...more },
  },
});
const none = {
  ...{ ping: undefined, health: undefined, unauthorized: undefined, token: undefined, scopes: undefined },
  ...{ manifest: undefined, manifestHead: undefined, byDigest: undefined, config: undefined, layer: undefined },
};

test.each<[string, Partial<Evidence>, string]>([
  [
    'a name that is not found',
    { ...none, ...reach({ addresses: { host: 'r', wait: 1, found: [], why: 'x' }, handshake: undefined }) },
    'bad dns dns.failed → set.name',
  ],
  [
    'a port that nobody listens on',
    {
      ...none,
      reach: {
        dials: [{ address: '192.0.2.1', family: 4, wait: 1, failure: { kind: 'refused', message: 'refused' } }],
      },
    },
    'bad connect connect.failed → set.listen',
  ],
  [
    'IPv6 that leads nowhere',
    {
      reach: {
        dials: [
          { address: '192.0.2.1', family: 4, wait: 1 },
          { address: '2001:db8::1', family: 6, wait: 1, failure: { kind: 'timeout', message: 'late' } },
        ],
      },
    },
    'note connect connect.partly → set.family',
  ],
  ['a certificate that is over', handshake({ until: later(-2) }), 'bad tls tls.expired → set.certificate'],
  ['one that has not begun', handshake({ from: later(1) }), 'bad tls tls.early → set.clock'],
  ['one that is soon over', handshake({ until: later(5) }), 'note tls tls.soon → set.certificate'],
  [
    'one for another name',
    handshake({ distrust: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
    'bad tls tls.name → set.certificate',
  ],
  [
    'one whose chain is broken',
    handshake({ distrust: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }),
    'bad tls tls.chain → set.chain',
  ],
  ['an old version of TLS', handshake({ version: 'TLSv1.1' }), 'bad tls tls.old → set.tls'],
  [
    'no TLS at all',
    handshake({ failure: { kind: 'tls', message: 'wrong version number' } }),
    'bad tls tls.failed → set.tls',
  ],
  ['a clock that is wrong', { ping: { ...ping(), at: NOW + 90_000 } }, 'bad clock clock.skew → set.clock'],
])('%s is told: %#', (_, more, expected) => {
  expect(wrong(more)).toEqual([expected]);
});

test('a clock is told within a second, and the age of a cached answer does not count', () => {
  const date = new Date(NOW - 500_000).toUTCString();
  const aged = ping({ headers: { ...Object.fromEntries(ping().headers), date, age: '500' } });
  expect([wrong({ ping: aged }), wrong({ ping: { ...ping(), at: NOW + 60_400 } })]).toEqual([[], []]);
});

const asking = (challenge: string) => {
  const at401 = ping({ headers: { 'docker-distribution-api-version': 'registry/2.0', 'www-authenticate': challenge } });
  return { ping: at401, unauthorized: at401 };
};
const http = CHALLENGE.replace('https://r.example.com', 'http://r.example.com');
const other = CHALLENGE.replace('https://r.example.com', 'https://10.0.0.8:3000');
const foreign = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"';

test.each<[string, Partial<Evidence>, string]>([
  ['no answer to the ping', { ...none, ping: ping(failed('reset')) }, 'bad ping ping.failed → set.listen'],
  ['a ping that is late', { ...none, ping: ping(failed('timeout')) }, 'bad ping ping.failed → set.time'],
  [
    'another program at this address',
    { ...asking(CHALLENGE), ping: seen('/v2/', { headers: { 'content-type': 'text/html; charset=utf-8' } }) },
    'bad ping ping.page → set.front',
  ],
  ['a ping that is answered otherwise', { ping: seen('/v2/', { status: 404 }) }, 'bad ping ping.status → set.missing'],
  [
    'a lost version',
    { ping: ping({ headers: { 'www-authenticate': CHALLENGE } }) },
    'note ping ping.version → set.pass',
  ],
  [
    'a lost challenge',
    {
      ping: ping({ headers: { 'docker-distribution-api-version': 'registry/2.0' } }),
      token: undefined,
      hasLogin: true,
    },
    'bad challenge challenge.missing → set.pass',
  ],
  ['a realm that is no URL', asking('Bearer realm="token"'), 'bad challenge challenge.unreadable → set.origin'],
  ['a realm by http', asking(http), 'bad challenge challenge.scheme → set.origin'],
  ['a realm at another host', asking(other), 'bad challenge challenge.host → set.origin'],
  [
    "a registry's own realm behind another proxy",
    { ...asking(foreign), isOurs: false },
    'note challenge challenge.foreign → set.foreign',
  ],
  [
    'a token server that does not answer',
    { token: seen('/token', failed('dns')) },
    'bad token token.failed → set.name',
  ],
  ['a login that is refused', { token: seen('/token', { status: 401 }) }, 'bad token token.refused → set.login'],
  ['a token server in trouble', { token: seen('/token', { status: 503 }) }, 'bad token token.status → set.upstream'],
  ['a document without a token', { lifetime: undefined }, 'bad token token.invalid → set.front'],
  ['one scope at a time', { scopes: seen('/token', { status: 400 }) }, 'note token token.scopes'],
  [
    'a login that is wanted',
    { ...asking('Basic realm="x"'), token: undefined, manifest: undefined, manifestHead: undefined },
    'bad token token.login → set.login',
  ],
])('%s is told: %#', (_, more, expected) => {
  expect(wrong(more)).toEqual([expected]);
});

test.each<[string, string, boolean]>([
  ['https://registry-1.docker.io', foreign, false],
  ['https://r.example.com', CHALLENGE, true],
  ['https://r.example.com', CHALLENGE.replace('r.example', 'auth.example'), false],
])('at %s the token server of %s is where it belongs', (target, challenge, isOurs) => {
  const { hostname } = new URL(target);
  expect(wrong({ ...asking(challenge), isOurs, target: { ...healthy().target, hostname }, reach: undefined })).toEqual(
    [],
  );
});

test('on its own machine an instance may be known by another name', () => {
  const target = { ...healthy().target, scheme: 'http' as const, hostname: '127.0.0.1', port: 3000 };
  expect(wrong({ target, reach: undefined })).toEqual(['note challenge challenge.host → set.origin']);
});

const without = (name: string) => Object.fromEntries(Object.entries(manifestFields).filter(([each]) => each !== name));

test.each<[string, Partial<Evidence>, string]>([
  [
    'a HEAD without a length',
    { manifestHead: manifest({ method: 'HEAD', headers: without('content-length') }) },
    'bad manifest manifest.length → set.length',
  ],
  [
    'a HEAD without a digest',
    { manifestHead: manifest({ method: 'HEAD', headers: without('docker-content-digest') }) },
    'bad manifest manifest.nodigest → set.pass',
  ],
  [
    'a manifest that is compressed',
    { manifest: manifest({ headers: { ...manifestFields, 'content-encoding': 'gzip' }, digest: 'sha256:0' }) },
    'bad manifest manifest.encoded → set.length',
  ],
  [
    'a lost type',
    { manifest: manifest({ headers: { ...manifestFields, 'content-type': 'text/plain' } }), manifestHead: undefined },
    'bad manifest manifest.type → set.pass',
  ],
  [
    'other bytes',
    { manifest: manifest({ digest: `sha256:${'0'.repeat(64)}` }) },
    'bad manifest manifest.digest → set.bytes',
  ],
  [
    'a HEAD of something else',
    { manifestHead: manifest({ headers: { ...manifestFields, 'content-length': '1' } }) },
    'note manifest manifest.disagree → set.bytes',
  ],
  ['one that breaks off', { manifest: manifest({ ending: 'cut' }) }, 'bad manifest manifest.cut → set.cut'],
  [
    'an image that is not there',
    { manifest: manifest({ status: 404 }), manifestHead: undefined },
    'bad manifest manifest.status → set.missing',
  ],
  [
    'a right that lacks',
    { manifest: manifest({ status: 401 }), manifestHead: undefined },
    'bad manifest manifest.status → set.login',
  ],
  [
    'a rule of the operator',
    { manifest: manifest({ status: 403 }), manifestHead: undefined },
    'bad manifest manifest.status → set.allow',
  ],
  [
    'a quota that is used up',
    { manifest: manifest({ status: 429 }), manifestHead: undefined },
    'bad manifest manifest.status → set.wait',
  ],
  [
    'a registry that the proxy cannot ask',
    { manifest: manifest({ status: 502 }), manifestHead: undefined },
    'bad manifest manifest.status → set.upstream',
  ],
  [
    'a gateway that gives up',
    { manifest: manifest({ status: 504 }), manifestHead: undefined },
    'bad manifest manifest.status → set.time',
  ],
  [
    'no answer',
    { manifest: manifest(failed('reset')), manifestHead: undefined },
    'bad manifest manifest.failed → set.front',
  ],
  [
    'a platform that the image does not have',
    { misfit: { why: 'has no linux/arm64', isPlatform: true } },
    'bad manifest manifest.misfit → set.platform',
  ],
  [
    'one that is none, of whatever platform',
    { misfit: { why: 'is no JSON', isPlatform: false } },
    'bad manifest manifest.misfit → set.bytes',
  ],
  [
    'one without an end',
    { manifest: manifest({ ending: 'enough', digest: undefined, received: 5_000_000 }), manifestHead: undefined },
    'bad manifest manifest.long → set.front',
  ],
])('of a manifest, %s is told: %#', (_, more, expected) => {
  expect(wrong(more)).toEqual([expected]);
});

const CDN = 'https://cdn.example.net/blob?signature=x';
const sent = blobBody({ status: 307, received: 0, headers: { location: CDN } });
const layer = (...hops: Parameters<typeof blob>[1][]) => ({ layer: blob(false, ...hops), range: undefined });

test.each<[string, Partial<Evidence>, string]>([
  [
    'more bytes than the manifest says, where no length is told',
    layer(blobBody({ headers: {}, received: 3002, ending: 'enough', digest: undefined })),
    'bad layer blob.size → set.bytes',
  ],
  [
    'a CDN that cannot be reached',
    layer(sent, seen(CDN, failed('timeout'))),
    'bad redirect redirect.unreachable → set.follow',
  ],
  ['a CDN that refuses the URL', layer(sent, seen(CDN, { status: 403 })), 'bad redirect redirect.refused → set.signed'],
  [
    'a CDN by http',
    layer(sent, blobBody({}, CDN.replace('https', 'http'))),
    'note redirect redirect.plain → set.follow',
  ],
  ['a redirect without a target', layer(blobBody({ status: 307 })), 'bad redirect redirect.lost → set.pass'],
  ['a circle', layer(...Array.from({ length: 13 }, () => blobBody({ status: 307 }))), 'bad redirect redirect.many'],
  ['a blob that is not there', layer(blobBody({ status: 404 })), 'bad layer blob.status → set.missing'],
  ['no answer', layer(blobBody(failed('reset'))), 'bad layer blob.failed → set.front'],
  ['a body that breaks off', layer(blobBody({ ending: 'cut', received: 7 })), 'bad layer blob.cut → set.cut'],
  ['a body without a length', layer(blobBody({ headers: {} })), 'note layer blob.length → set.framing'],
  ['another length', layer(blobBody({ headers: { 'content-length': '1' } })), 'bad layer blob.size → set.bytes'],
  ['other bytes', layer(blobBody({ digest: 'sha256:0' })), 'bad layer blob.digest → set.bytes'],
  [
    'a body that is compressed',
    layer(blobBody({ headers: { 'content-encoding': 'gzip' } })),
    'bad layer blob.encoded → set.bytes',
  ],
  ['a HEAD that is refused', { layerHead: blobBody({ status: 405 }) }, 'bad layer blob.head → set.front'],
  ['a HEAD with another length', { layerHead: blobBody({ headers: {} }) }, 'bad layer blob.headlength → set.length'],
  [
    'a Range that is ignored',
    { range: { first: 1000, last: 1999, seen: rangeSeen({ status: 200 }) } },
    'note range range.ignored → set.range',
  ],
  [
    'a Range that is refused',
    { range: { first: 1000, last: 1999, seen: rangeSeen({ status: 416 }) } },
    'bad range range.status → set.range',
  ],
  [
    'a part without its label',
    { range: { first: 1000, last: 1999, seen: rangeSeen({ headers: {} }) } },
    'bad range range.label → set.range',
  ],
  [
    'a part with other bytes',
    { range: { first: 1000, last: 1999, seen: rangeSeen({ start: new Uint8Array(1000) }) } },
    'bad range range.bytes → set.range',
  ],
  [
    'a part that does not come',
    { range: { first: 1000, last: 1999, seen: rangeSeen(failed('reset')) } },
    'bad range range.failed → set.range',
  ],
])('of a layer, %s is told: %#', (_, more, expected) => {
  expect(wrong(more)).toEqual([expected]);
});

test('a redirect that can be followed is no fault, and its signature is not told', () => {
  const findings = judge(healthy(layer(sent, blobBody({}, CDN))));
  expect(findings.filter(({ mark }) => mark !== 'good')).toEqual([]);
  expect(findings.find(({ step }) => step === 'redirect')).toMatchObject({
    says: 'redirect.good',
    values: { host: 'cdn.example.net' },
  });
  expect(JSON.stringify(findings)).not.toContain('signature');
});

test('a platform that streams only what has no length is not told to say the length', () => {
  expect(wrong({ ...layer(blobBody({ headers: {} })), limits: capabilities['aliyun-fc'] })).toEqual([
    'note layer blob.length',
  ]);
});

test.each([
  [{ 'x-scf-request-id': '1' }, 'tencent-scf', { body: '6.3 MB', response: '6.3 MB', answers: '4.1 kB' }],
  [{ 'x-fc-request-id': '1' }, 'aliyun-fc', { body: '33.6 MB', response: '∞', target: '4.1 kB' }],
])('an instance behind %j is told what %s carries', (headers, platform, limits) => {
  const at = ping({ headers: { ...Object.fromEntries(ping().headers), ...headers } });
  const told = judge(healthy({ ping: at })).find(({ step }) => step === 'edge');
  expect(told).toMatchObject({ mark: 'good', says: 'edge.seen', values: { platform, ...limits } });
  expect(judge(healthy({ ping: at, isOurs: false })).find(({ step }) => step === 'edge')).toMatchObject({
    says: 'edge.other',
  });
});

describe('uploads', () => {
  const push = (mb: number, status?: number) => ({
    bytes: mb * 1e6,
    begun: seen('/v2/a/blobs/uploads/', { status: 202 }),
    sent: status === undefined ? undefined : seen('/v2/a/blobs/uploads/1', { method: 'PATCH', status }),
  });
  const told = (more: Partial<Evidence>) => judge(healthy(more)).filter(({ step }) => step === 'push');

  test('that all go through', () => {
    expect(told({ hasLogin: true, pushes: [push(1, 202), push(5, 202)] })).toMatchObject([
      { mark: 'good', says: 'push.good', values: { bytes: '5.0 MB' } },
    ]);
  });

  test('of which one is cut by a platform', () => {
    expect(told({ hasLogin: true, pushes: [push(1, 202), push(8, 413)] })).toMatchObject([
      { mark: 'note', says: 'push.cut', set: 'set.body', values: { bytes: '8.0 MB', most: '1.0 MB', why: '413' } },
    ]);
  });

  test('that cannot be begun', () => {
    const begun = seen('/v2/a/blobs/uploads/', { status: 403 });
    expect(told({ hasLogin: true, pushes: [{ bytes: 1, begun }] })).toMatchObject([
      { mark: 'bad', says: 'push.begin', set: 'set.allow' },
    ]);
  });

  test('without a login', () => {
    expect(told({ pushes: [] })).toMatchObject([{ mark: 'bad', says: 'push.login' }]);
  });
});

describe('what an instance asks upstream', () => {
  const hop = { purpose: 'registry', method: 'GET', url: 'https://registry.example.com/v2/', wait: 3, headers: [] };
  const told = (...hops: object[]) =>
    wrong({
      manifest: { ...manifest(), hops: hops.map((each) => ({ ...hop, status: 200, ...each })) },
      manifestHead: undefined,
    });

  test.each<[object, string]>([
    [{ status: undefined, failure: { kind: 'dns', message: 'x' } }, 'bad upstream hop.failed → set.address'],
    [{ status: undefined, failure: { kind: 'tls', message: 'x' } }, 'bad upstream hop.failed → set.trust'],
    [{ status: undefined, failure: { kind: 'forbidden', message: 'x' } }, 'bad upstream hop.failed → set.private'],
    [{ status: undefined, failure: { kind: 'timeout', message: 'x' } }, 'bad upstream hop.failed → set.time'],
    [{ status: 429 }, 'bad upstream hop.status → set.wait'],
    [{ status: 403 }, 'bad upstream hop.status → set.account'],
    [{ status: 401, purpose: 'realm' }, 'bad upstream hop.status → set.account'],
    [{ status: 500 }, 'bad upstream hop.status → set.upstream'],
  ])('%j is told', (each, expected) => {
    expect(told(each)).toEqual([expected]);
  });

  test('a failure that passed when it was asked again is worth a note', () => {
    const reset = { status: undefined, failure: { kind: 'reset', message: 'x' } };
    expect(told(reset, {})).toEqual(['note upstream hop.failed → set.address']);
    expect(told(reset, reset)).toEqual(['bad upstream hop.failed → set.address']);
  });

  test('a challenge is none of its faults', () => {
    expect(told({ status: 401 }, {})).toEqual([]);
  });

  test('a field that the registry has sent, and that did not arrive, is named', () => {
    const more = { hops: [{ ...hop, status: 200, headers: [['content-length', '5'] as const] }] };
    const lost = { ...manifest({ headers: { 'docker-content-digest': DIGEST, 'content-type': 'x' } }), ...more };
    expect(wrong({ manifest: lost, manifestHead: undefined })).toContain('note upstream hop.lost → set.length');
  });
});

test.each<[string, string]>([
  ['registry-proxy;hit', 'cache.hit'],
  ['registry-proxy;fwd=uri-miss', 'cache.miss'],
  ['', 'cache.none'],
])('a second answer with %j is %s', (status, says) => {
  const again = blobBody({ headers: status ? { 'cache-status': status } : {} });
  expect(judge(healthy({ again })).find(({ step }) => step === 'cache')?.says).toBe(says);
});

test.each([
  ['87;w=21600', 'good quota.left'],
  ['0;w=21600', 'note quota.out'],
])('a quota of %s is %s', (left, expected) => {
  const headers = { ...manifestFields, 'ratelimit-remaining': left };
  const found = judge(healthy({ manifest: manifest({ headers }) })).find(({ step }) => step === 'quota');
  expect(`${found?.mark} ${found?.says}`).toBe(expected);
});

test('words of an error are told, and pages are not', () => {
  const text = JSON.stringify({ errors: [{ code: 'DENIED', message: 'requested access\nis denied' }] });
  const told = (start: string) => {
    const { words } =
      judge(healthy({ manifest: manifest({ status: 403, start: bytes(start) }) })).find(
        ({ says }) => says === 'manifest.status',
      )?.values ?? {};
    return words;
  };
  expect([told(text), told('<html>secret'), told('nothing')]).toEqual([
    'DENIED requested access is denied',
    '(HTML)',
    '',
  ]);
});
