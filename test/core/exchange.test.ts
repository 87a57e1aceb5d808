import { CacheMemory } from '../../src/core/cache-memory';
import { Exchange } from '../../src/core/exchange';
import { headerOf } from '../../src/core/headers';
import { Quotas } from '../../src/core/quota';
import type { Realms } from '../../src/core/realm';
import { hrefOf } from '../../src/core/url';
import type { Answer, Forward, RequestVerb, ResponseVerb } from '../../src/core/verbs';
import { configOf, DIGEST, type Fields, fields, request, response, url } from './heads';

const FOLLOW = { REGISTRY_BACKEND: 'https://registry.example.com', HANDLE_REDIRECT: 'true' };
const PASS = { REGISTRY_BACKEND: 'https://registry.example.com' };
const BLOB = `/v2/team/app/blobs/${DIGEST}`;
const CDN = 'https://cdn.example.net/blob?sig=1';
const CHALLENGE = {
  'www-authenticate': 'Bearer realm="https://auth.example.com/token",service="s",scope="repository:team/app:pull"',
};

function exchange(line: string, env: Record<string, string> = PASS, headers: Fields = {}, realms: Realms = new Map()) {
  return new Exchange(
    configOf(env),
    { realms, tokens: new Map(), quotas: new Quotas(), cache: new CacheMemory() },
    request(line, headers),
  );
}

const code = (verb: unknown) => {
  const { status, body } = verb as Answer;
  return `${status} ${JSON.parse(body ?? '{"errors":[{}]}').errors[0].code}`;
};

type Reply = [status: number, headers?: Fields] | 'reset' | 'timeout' | 'tls';

/**
 * Plays replies of upstreams to a request, one to each forward; the story as `GET url` lines and how it ended. A token
 * is given to whoever asks for one.
 */
function play(line: string, env: Record<string, string>, replies: Reply[], headers: Fields = {}, step = 10) {
  const subject = exchange(line, env, headers);
  const story: string[] = [];
  let verb: RequestVerb | ResponseVerb = subject.onRequest();
  let elapsed = 0;
  let last: Forward | undefined;
  const left = [...replies];
  while (verb.verb === 'forward' || verb.verb === 'authorize') {
    if (verb.verb === 'authorize') {
      story.push(`token ${hrefOf(verb.request.url)}`);
      verb = subject.onToken('{"token":"anon"}');
      continue;
    }
    const sent: Forward = verb;
    const login = headerOf(sent.headers, 'authorization');
    story.push(`${sent.method} ${hrefOf(sent.url)}${login ? ` (${login})` : ''}`);
    elapsed += step + (sent.after ?? 0);
    last = sent;
    const reply = left.shift();
    if (reply === undefined) throw new Error(`more asked than expected: ${story.join(', ')}`);
    verb =
      typeof reply === 'string'
        ? subject.onFailure(sent, { kind: reply, message: 'm' }, elapsed)
        : subject.onResponse(sent, response(reply[0], reply[1]), elapsed);
  }
  expect(left).toEqual([]);
  const end = verb.verb === 'relay' ? `relay ${verb.status}` : code(verb);
  return { story, end, verb, elapsed, last: last as Forward };
}

const REGISTRY = `https://registry.example.com${BLOB}`;
const moved = (location: string): Reply => [307, { location }];

describe('a request', () => {
  test.each([
    ['GET /v2/', 'GET', 'https://registry.example.com/v2/'],
    ['GET /v2', 'GET', 'https://registry.example.com/v2/'],
    [`HEAD ${BLOB}`, 'HEAD', REGISTRY],
    [`GET ${BLOB}?ns=registry.example.com&x=%2B`, 'GET', `${REGISTRY}?x=%2B`],
    ['DELETE /v2/a/manifests/v1', 'DELETE', 'https://registry.example.com/v2/a/manifests/v1'],
    ['GET /files/a%2Fb?c', 'GET', 'https://registry.example.com/files/a%2Fb?c'],
  ])('%s is forwarded', (line, method, to) => {
    const verb = exchange(line).onRequest() as Forward;
    expect(verb).toMatchObject({ verb: 'forward', method, body: 'none', reach: 'public' });
    expect(hrefOf(verb.url)).toBe(to);
  });

  test.each<[string, Fields, string[][]]>([
    ['PUT /v2/a/manifests/v1', { 'content-length': '5' }, [['content-length', '5']]],
    ['PATCH /v2/a/blobs/uploads/u', { 'transfer-encoding': 'chunked' }, [['transfer-encoding', 'chunked']]],
    ['POST /v2/a/blobs/uploads/', {}, [['content-length', '0']]],
  ])('%s carries its body in the client’s framing', (line, headers, framing) => {
    const verb = exchange(line, PASS, headers).onRequest() as Forward;
    expect(verb.body).toBe('client');
    expect(verb.headers.filter(([name]) => ['content-length', 'transfer-encoding'].includes(name))).toEqual(framing);
  });

  test('below a base path is asked below it', () => {
    const env = { REGISTRY_BACKEND: 'https://registry.example.com/a/b/v2/' };
    expect(hrefOf((exchange('GET /v2/x/tags/list', env).onRequest() as Forward).url)).toBe(
      'https://registry.example.com/a/b/v2/x/tags/list',
    );
    expect(hrefOf((exchange('GET /files/x', env).onRequest() as Forward).url)).toBe(
      'https://registry.example.com/files/x',
    );
  });

  test('outside /v2/ goes to DEFAULT_BACKEND_HOST without the login', () => {
    const verb = exchange(
      'GET /files/x',
      { ...PASS, DEFAULT_BACKEND_HOST: 'http://storage.example.com:81' },
      { authorization: 'Bearer t', cookie: 'x' },
    ).onRequest() as Forward;
    expect([hrefOf(verb.url), headerOf(verb.headers, 'authorization')]).toEqual([
      'http://storage.example.com:81/files/x',
      undefined,
    ]);
  });

  test('outside /v2/ goes, on Docker Hub, to the host that the registry is at', () => {
    for (const REGISTRY_BACKEND of ['', 'docker.io', 'https://index.docker.io']) {
      expect((exchange('GET /x', { REGISTRY_BACKEND }).onRequest() as Forward).url.hostname).toBe(
        'registry-1.docker.io',
      );
    }
  });

  test.each<[string, Record<string, string>, Fields, string]>([
    ['TRACE /v2/', PASS, {}, '405 UNSUPPORTED'],
    ['CONNECT evil.example:443', PASS, {}, '405 UNSUPPORTED'],
    ['PROPFIND /x', PASS, {}, '405 UNSUPPORTED'],
    ['get /v2/', PASS, {}, '405 UNSUPPORTED'],
    ['POST /v2/', PASS, {}, '405 UNSUPPORTED'],
    ['PUT /files/x', PASS, {}, '405 UNSUPPORTED'],
    ['DELETE /token', PASS, {}, '405 UNSUPPORTED'],
    ['GET /v2/a/blobs/uploads/', PASS, {}, '405 UNSUPPORTED'],
    ['GET /-/nothing', PASS, {}, '404 NAME_UNKNOWN'],
    ['GET /files/x', FOLLOW, {}, '404 NAME_UNKNOWN'],
    ['GET http://evil.example/v2/', PASS, {}, '400 UNSUPPORTED'],
    ['GET /v2/', PASS, { host: '' }, '400 UNSUPPORTED'],
    ['GET /v2/', PASS, { 'transfer-encoding': 'chunked' }, '411 SIZE_INVALID'],
    ['OPTIONS /v2/', PASS, { 'transfer-encoding': 'chunked' }, '411 SIZE_INVALID'],
    ['GET /v2/', PASS, { via: Array(6).fill('1.1 registry-proxy').join(', ') }, '508 UNAVAILABLE'],
    ['GET /v2/', PASS, { via: Array(6).fill('1.1 registry-proxy') }, '508 UNAVAILABLE'],
  ])('%s is refused', (line, env, headers, expected) => {
    expect(code(exchange(line, env, headers).onRequest())).toBe(expected);
  });

  test('through five of us is still served', () => {
    const verb = exchange('GET /v2/', PASS, { via: Array(5).fill('1.1 registry-proxy').join(', ') }).onRequest();
    expect(verb.verb).toBe('forward');
  });

  test.each(['OPTIONS /v2/', 'OPTIONS *', 'OPTIONS /token'])('%s is answered', (line) => {
    expect(exchange(line).onRequest()).toMatchObject({ verb: 'answer', status: 204, body: null });
  });
});

describe('a redirect', () => {
  test.each<[string, string, Record<string, string>, Reply[], string[], string]>([
    ['is passed on', `GET ${BLOB}`, PASS, [moved(CDN)], [`GET ${REGISTRY}`], 'relay 307'],
    ['is followed', `GET ${BLOB}`, FOLLOW, [moved(CDN), [200]], [`GET ${REGISTRY}`, `GET ${CDN}`], 'relay 200'],
    ['without a Location is what it is', `GET ${BLOB}`, FOLLOW, [[307]], [`GET ${REGISTRY}`], 'relay 307'],
    [
      'of a request with a body is passed on',
      'PUT /v2/a/manifests/v1',
      FOLLOW,
      [moved(CDN)],
      ['PUT https://registry.example.com/v2/a/manifests/v1'],
      'relay 307',
    ],
    [
      'of a DELETE is passed on',
      'DELETE /v2/a/manifests/v1',
      FOLLOW,
      [moved(CDN)],
      ['DELETE https://registry.example.com/v2/a/manifests/v1'],
      'relay 307',
    ],
    [
      'of an upload is passed on',
      'GET /v2/a/blobs/uploads/u',
      FOLLOW,
      [moved(CDN)],
      ['GET https://registry.example.com/v2/a/blobs/uploads/u'],
      'relay 307',
    ],
    // the storage's answers
    ['to 304', `GET ${BLOB}`, FOLLOW, [moved(CDN), [304]], [`GET ${REGISTRY}`, `GET ${CDN}`], 'relay 304'],
    ['to 416', `GET ${BLOB}`, FOLLOW, [moved(CDN), [416]], [`GET ${REGISTRY}`, `GET ${CDN}`], 'relay 416'],
    ['to 404', `GET ${BLOB}`, FOLLOW, [moved(CDN), [404]], [`GET ${REGISTRY}`, `GET ${CDN}`], 'relay 404'],
    [
      'to 403 is renewed once',
      `GET ${BLOB}`,
      FOLLOW,
      [moved(CDN), [403], moved(`${CDN}2`), [200]],
      [`GET ${REGISTRY}`, `GET ${CDN}`, `GET ${REGISTRY}`, `GET ${CDN}2`],
      'relay 200',
    ],
    [
      'to 403 twice',
      `GET ${BLOB}`,
      FOLLOW,
      [moved(CDN), [403], moved(CDN), [403]],
      [`GET ${REGISTRY}`, `GET ${CDN}`, `GET ${REGISTRY}`, `GET ${CDN}`],
      '502 UNAVAILABLE',
    ],
    [
      'to 400, then the registry’s own 404',
      `GET ${BLOB}`,
      FOLLOW,
      [moved(CDN), [400], [404]],
      [`GET ${REGISTRY}`, `GET ${CDN}`, `GET ${REGISTRY}`],
      'relay 404',
    ],
    [
      'to 429 is no 429 of the registry',
      `GET ${BLOB}`,
      FOLLOW,
      [moved(CDN), [429], moved(CDN), [429]],
      [`GET ${REGISTRY}`, `GET ${CDN}`, `GET ${REGISTRY}`, `GET ${CDN}`],
      '502 UNAVAILABLE',
    ],
    [
      'that loops',
      `GET ${BLOB}`,
      FOLLOW,
      [moved(CDN), moved(CDN)],
      [`GET ${REGISTRY}`, `GET ${CDN}`],
      '502 UNAVAILABLE',
    ],
    [
      'to a private address',
      `GET ${BLOB}`,
      FOLLOW,
      [moved('https://10.0.0.1/')],
      [`GET ${REGISTRY}`],
      '502 UNAVAILABLE',
    ],
    // HEAD never goes to a signed URL
    [
      'of a HEAD to a plain URL',
      `HEAD ${BLOB}`,
      FOLLOW,
      [moved('https://cdn.example.net/blob'), [200]],
      [`HEAD ${REGISTRY}`, 'HEAD https://cdn.example.net/blob'],
      'relay 200',
    ],
    [
      'of a HEAD to a signed URL',
      `HEAD ${BLOB}`,
      FOLLOW,
      [moved(CDN), moved(CDN), [206, { 'content-range': 'bytes 0-0/7' }]],
      [`HEAD ${REGISTRY}`, `GET ${REGISTRY}`, `GET ${CDN}`],
      'relay 200',
    ],
    [
      'of a HEAD, where the plain URL refuses it',
      `HEAD ${BLOB}`,
      FOLLOW,
      [
        moved('https://cdn.example.net/blob'),
        [403],
        moved('https://cdn.example.net/blob'),
        [206, { 'content-range': 'bytes 0-0/7' }],
      ],
      [`HEAD ${REGISTRY}`, 'HEAD https://cdn.example.net/blob', `GET ${REGISTRY}`, 'GET https://cdn.example.net/blob'],
      'relay 200',
    ],
    // storage that is a registry of its own (registry.k8s.io)
    [
      'to 401 with a realm gets a token there',
      `GET ${BLOB}`,
      FOLLOW,
      [moved('https://other.example.org/v2/x'), [401, CHALLENGE], [200]],
      [
        `GET ${REGISTRY}`,
        'GET https://other.example.org/v2/x',
        'token https://auth.example.com/token?service=s&scope=repository%3Ateam%2Fapp%3Apull',
        'GET https://other.example.org/v2/x (Bearer anon)',
      ],
      'relay 200',
    ],
    [
      'to 401 with a realm, and a hop from there',
      `GET ${BLOB}`,
      FOLLOW,
      [moved('https://other.example.org/v2/x'), [401, CHALLENGE], moved(CDN), [200]],
      [
        `GET ${REGISTRY}`,
        'GET https://other.example.org/v2/x',
        'token https://auth.example.com/token?service=s&scope=repository%3Ateam%2Fapp%3Apull',
        'GET https://other.example.org/v2/x (Bearer anon)',
        `GET ${CDN}`,
      ],
      'relay 200',
    ],
    [
      'to 401 with a private realm',
      `GET ${BLOB}`,
      FOLLOW,
      [moved('https://other.example.org/v2/x'), [401, { 'www-authenticate': 'Bearer realm="https://10.0.0.1/t"' }]],
      [`GET ${REGISTRY}`, 'GET https://other.example.org/v2/x'],
      '502 UNAVAILABLE',
    ],
    // within the registry
    [
      'to another name of the registry shows the client its 401',
      `GET ${BLOB}`,
      FOLLOW,
      [moved('/v2/renamed/x'), [401, CHALLENGE]],
      [`GET ${REGISTRY}`, 'GET https://registry.example.com/v2/renamed/x'],
      'relay 401',
    ],
  ])('%s', (_, line, env, replies, story, end) => {
    const played = play(line, env, replies);
    expect([played.story, played.end]).toEqual([story, end]);
  });

  test('takes the login no farther than its origin', () => {
    const { story } = play(`GET ${BLOB}`, FOLLOW, [moved('/v2/renamed/x'), moved(CDN), [200]], {
      authorization: 'Bearer t',
    });
    expect(story).toEqual([
      `GET ${REGISTRY} (Bearer t)`,
      'GET https://registry.example.com/v2/renamed/x (Bearer t)',
      `GET ${CDN}`,
    ]);
  });

  test('that needs a token of its own survives a moment’s failure behind it', () => {
    const there = 'https://other.example.org/v2/x';
    const { story, end } = play(`GET ${BLOB}`, FOLLOW, [
      moved(there),
      [401, CHALLENGE],
      [503],
      moved(there),
      [401, CHALLENGE],
      [200],
    ]);
    expect([story.at(-1), end]).toEqual([`GET ${there} (Bearer anon)`, 'relay 200']);
  });

  test('of a HEAD asks for one byte, whatever Range the client sent', () => {
    const { last } = play(`HEAD ${BLOB}`, FOLLOW, [moved(CDN), moved(CDN), [206, { 'content-range': 'bytes 0-0/7' }]], {
      range: 'bytes=5-',
    });
    expect(headerOf(last.headers, 'range')).toBe('bytes=0-0');
  });
});

describe('a failure before the first byte', () => {
  test.each<[string, string, Record<string, string>, Reply[], number, string]>([
    ['is tried again', `GET ${BLOB}`, PASS, [[503], 'reset', [200]], 3, 'relay 200'],
    ['is tried three times more', `GET ${BLOB}`, PASS, [[503], [502], [500], [504]], 4, 'relay 504'],
    ['of a connection, too', `GET ${BLOB}`, PASS, ['reset', 'reset', 'reset', 'reset'], 4, '502 UNAVAILABLE'],
    ['by a deadline is a 504', `GET ${BLOB}`, { ...PASS, RETRY_TIMEOUT: '0' }, ['timeout'], 1, '504 UNAVAILABLE'],
    ['of a certificate is final', `GET ${BLOB}`, PASS, ['tls'], 1, '502 UNAVAILABLE'],
    ['of 429 is the client’s', `GET ${BLOB}`, PASS, [[429]], 1, 'relay 429'],
    ['with a long Retry-After is the client’s', `GET ${BLOB}`, PASS, [[503, { 'retry-after': '60' }]], 1, 'relay 503'],
    ['of a POST is never tried again', 'POST /v2/a/blobs/uploads/', PASS, [[503]], 1, 'relay 503'],
    ['of a PATCH neither', 'PATCH /v2/a/blobs/uploads/u', PASS, ['reset'], 1, '502 UNAVAILABLE'],
    ['of a DELETE neither', 'DELETE /v2/a/manifests/v1', PASS, ['reset'], 1, '502 UNAVAILABLE'],
    [
      'at the storage goes back to the registry',
      `GET ${BLOB}`,
      FOLLOW,
      [moved(CDN), [503], moved(`${CDN}2`), [200]],
      4,
      'relay 200',
    ],
    [
      'at the storage that lasts',
      `GET ${BLOB}`,
      { ...FOLLOW, RETRY_TIMEOUT: '0' },
      [moved(CDN), 'reset'],
      2,
      '502 UNAVAILABLE',
    ],
    ['with RETRY_TIMEOUT=0', `GET ${BLOB}`, { ...PASS, RETRY_TIMEOUT: '0' }, [[503]], 1, 'relay 503'],
    ['outside /v2/', 'GET /files/x', PASS, [[503], [200]], 2, 'relay 200'],
  ])('%s', (_, line, env, replies, count, end) => {
    const played = play(line, env, replies);
    expect([played.story.length, played.end]).toEqual([count, end]);
  });

  test('ends within RETRY_TIMEOUT, however slow each attempt is', () => {
    const { story, elapsed } = play(`GET ${BLOB}`, { ...PASS, RETRY_TIMEOUT: '8s' }, [[503], [503], [503]], {}, 3000);
    expect([story.length, elapsed]).toEqual([3, 9500]);
    const late = exchange(`GET ${BLOB}`);
    const first = late.onRequest() as Forward;
    expect(late.onResponse(first, response(503), 7950)).toMatchObject({ verb: 'relay' });
    const again = exchange(`GET ${BLOB}`);
    expect(again.onResponse(again.onRequest() as Forward, response(503), 5000)).toMatchObject({ within: 2900 });
  });

  test('a status that is none is a 502', () => {
    expect(play(`GET ${BLOB}`, PASS, [[999]]).end).toBe('502 UNAVAILABLE');
    expect(play(`GET ${BLOB}`, PASS, [[101]]).end).toBe('502 UNAVAILABLE');
  });
});

describe('the token endpoint', () => {
  const KNOWN = (): Realms =>
    new Map([['registry.example.com', { url: url('https://auth.example.com/token'), service: 's' }]]);

  test('asks the realm that is known', () => {
    const verb = exchange(
      'GET /token?scope=repository:a:pull',
      PASS,
      { authorization: 'Basic x' },
      KNOWN(),
    ).onRequest() as Forward;
    expect([hrefOf(verb.url), headerOf(verb.headers, 'authorization')]).toEqual([
      'https://auth.example.com/token?service=s&scope=repository%3Aa%3Apull',
      'Basic x',
    ]);
  });

  test('pings for it, without the login, where none is known', () => {
    const subject = exchange('GET /token?scope=a', PASS, { authorization: 'Basic x' });
    const ping = subject.onRequest() as Forward;
    expect([ping.method, hrefOf(ping.url), ping.purpose, headerOf(ping.headers, 'authorization')]).toEqual([
      'GET',
      'https://registry.example.com/v2/',
      'ping',
      undefined,
    ]);
    const verb = subject.onResponse(ping, response(401, CHALLENGE), 10) as Forward;
    expect([hrefOf(verb.url), headerOf(verb.headers, 'authorization')]).toEqual([
      'https://auth.example.com/token?service=s&scope=a',
      'Basic x',
    ]);
    expect(subject.onResponse(verb, response(200, { 'content-length': '2' }), 20)).toMatchObject({
      verb: 'relay',
      status: 200,
    });
  });

  test('reads a POST before it does so', () => {
    const subject = exchange('POST /token', PASS);
    expect(subject.onRequest()).toMatchObject({ verb: 'read', limit: 65_536 });
    const ping = subject.onBody('grant_type=password&password=p&scope=a') as Forward;
    expect([ping.purpose, ping.body]).toEqual(['ping', 'none']);
    const verb = subject.onResponse(ping, response(401, CHALLENGE), 10) as Forward;
    expect(verb).toMatchObject({ method: 'POST', body: 'grant_type=password&password=p&scope=a&service=s' });
  });

  test.each<[Reply, string]>([
    [[200], '404 UNSUPPORTED'],
    [[401, { 'www-authenticate': 'Basic realm="x"' }], '404 UNSUPPORTED'],
    [[429, { 'retry-after': '9' }], '429 TOOMANYREQUESTS'],
    [[401, { 'www-authenticate': 'Bearer realm="https://evil.example/token"' }], '403 DENIED'],
    [[401, { 'www-authenticate': 'Bearer realm="http://auth.example.com/token"' }], '502 UNAVAILABLE'],
    [[401, { 'www-authenticate': 'Bearer realm="https://169.254.169.254/token"' }], '502 UNAVAILABLE'],
    ['tls', '502 UNAVAILABLE'],
  ])('says to a ping answered %j: %s', (reply, expected) => {
    expect(play('GET /token', PASS, [reply], { authorization: 'Basic x' }).end).toBe(expected);
  });

  test('passes what the realm says', () => {
    expect(play('GET /token', PASS, [[401, CHALLENGE], [401]]).end).toBe('relay 401');
    expect(play('GET /token', PASS, [[401, CHALLENGE], [503], [200]]).end).toBe('relay 200');
  });

  test('learns realms from the registry’s challenges alone', () => {
    const realms: Realms = new Map();
    const backend = exchange('GET /files/x', { ...PASS, DEFAULT_BACKEND_HOST: 'storage.example.org' }, {}, realms);
    backend.onResponse(backend.onRequest() as Forward, response(401, CHALLENGE), 0);
    expect(realms.size).toBe(0);
    const hop = exchange(`GET ${BLOB}`, FOLLOW, {}, realms);
    const next = hop.onResponse(hop.onRequest() as Forward, response(307, { location: CDN }), 0) as Forward;
    hop.onResponse(next, response(401, CHALLENGE), 0);
    expect(realms.size).toBe(0);
    const registry = exchange('GET /v2/', PASS, {}, realms);
    registry.onResponse(registry.onRequest() as Forward, response(401, CHALLENGE), 0);
    expect(realms.get('registry.example.com')).toMatchObject({ service: 's', url: { hostname: 'auth.example.com' } });
  });
});

describe('an error text', () => {
  test.each<[string, Record<string, string>, Reply[]]>([
    [
      'of a storage that refuses',
      FOLLOW,
      [moved(`${CDN}secret`), [403, { 'x-secret': 'secret' }], moved(`${CDN}secret`), [403]],
    ],
    ['of a storage that breaks', { ...FOLLOW, RETRY_TIMEOUT: '0' }, [moved(`${CDN}secret`), 'reset']],
    ['of a loop', FOLLOW, [moved(`${CDN}secret`), moved(`${CDN}secret`)]],
    ['of a downgrade', FOLLOW, [moved('http://cdn.example.net/x?sig=secret')]],
    ['of a private target', FOLLOW, [moved('https://10.0.0.1/x?sig=secret')]],
  ])('%s holds no secret', (_, env, replies) => {
    const { verb } = play(`GET ${BLOB}`, env, replies, { authorization: 'Bearer secret' });
    expect(verb).toMatchObject({ verb: 'answer', status: 502 });
    expect(JSON.stringify(verb)).not.toContain('secret');
    expect((verb as Answer).headers).toEqual(expect.arrayContaining(fields({ 'content-type': 'application/json' })));
  });
});
