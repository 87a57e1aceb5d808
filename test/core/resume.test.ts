import { randomUUID } from 'node:crypto';
import { basicLogin } from '../../src/core/basic';
import { MAX_BARREN, MAX_CONTINUATIONS, MIN_GAIN, Resumption } from '../../src/core/resume';
import { MAX_RETRIES } from '../../src/core/retry';
import { routeOf } from '../../src/core/route';
import type { Authorize, Failure, Forward, Span } from '../../src/core/verbs';
import { configOf, DIGEST, fields, forward, REGISTRY, response } from './heads';

const BLOB = `/v2/team/app/blobs/${DIGEST}`;
const FIRST = forward(`https://registry.example.com${BLOB}`, {
  headers: fields({
    authorization: 'Bearer old',
    accept: 'a/b',
    range: 'bytes=7-',
    'if-range': '"x"',
    'if-none-match': '"n"',
  }),
});
const SOURCE = forward('https://cdn.example.net/blob?sig=1', { purpose: 'hop' });
const TOTAL = 100 * MIN_GAIN;
const WHOLE: Span = { first: 0, last: TOTAL - 1, total: TOTAL };
const CHALLENGE = {
  'www-authenticate': 'Bearer realm="https://auth.example.com/token",service="s",scope="repository:team/app:pull"',
};

function begun(span: Span = WHOLE, source: Forward = SOURCE): Resumption {
  return new Resumption(FIRST, source, span, routeOf(BLOB, configOf({ ...REGISTRY, STALL_TIMEOUT: '400ms' })));
}

const part = (first: number, more: Record<string, string> = {}) =>
  response(206, { 'content-range': `bytes ${first}-${TOTAL - 1}/${TOTAL}`, ...more });

describe('after a cut', () => {
  test('the registry is asked for the rest, whatever the client had asked for', () => {
    const verb = begun().onCut(1000) as Forward;
    expect(verb).toMatchObject({ verb: 'forward', url: FIRST.url, within: 400, after: undefined });
    expect(verb.headers).toEqual(
      fields({ authorization: 'Bearer old', accept: 'a/b', range: `bytes=1000-${TOTAL - 1}` }),
    );
  });

  test.each<[Span, number, string]>([
    [{ first: 0 }, 0, 'bytes=0-'],
    [{ first: 500, last: 999, total: 5000 }, 100, 'bytes=600-999'],
    [{ first: 500, last: 999 }, 499, 'bytes=999-999'],
  ])('of %j with %d bytes the Range is %s', (span, received, range) => {
    expect((begun(span).onCut(received) as Forward).headers).toContainEqual(['range', range]);
  });

  test('If-Range binds the rest to the representation, where it has no digest', () => {
    const verb = begun({ ...WHOLE, validator: '"v1"' }).onCut(5) as Forward;
    expect(verb.headers).toContainEqual(['if-range', '"v1"']);
  });
});

describe('what comes then', () => {
  const RECEIVED = 2 * MIN_GAIN;
  const giveUp = (final: boolean) => ({ verb: 'give-up', final });

  test.each<[string, Span, ReturnType<typeof response>, object]>([
    ['the rest', WHOLE, part(RECEIVED), { verb: 'splice', skip: 0 }],
    [
      'the rest, its total unknown',
      WHOLE,
      response(206, { 'content-range': `bytes ${RECEIVED}-${TOTAL - 1}/*` }),
      { verb: 'splice', skip: 0 },
    ],
    [
      'less than the rest',
      WHOLE,
      response(206, { 'content-range': `bytes ${RECEIVED}-${RECEIVED + 9}/${TOTAL}` }),
      { verb: 'splice', skip: 0 },
    ],
    ['everything', WHOLE, response(200, { 'content-length': String(TOTAL) }), { verb: 'splice', skip: RECEIVED }],
    [
      'everything, where a part was wanted',
      { first: 10, last: 5 * MIN_GAIN, total: TOTAL },
      response(200, { 'content-length': String(TOTAL) }),
      { verb: 'splice', skip: RECEIVED + 10 },
    ],
    // anything that might be other bytes
    ['an earlier part', WHOLE, part(RECEIVED - 1), giveUp(true)],
    ['a later part', WHOLE, part(RECEIVED + 1), giveUp(true)],
    [
      'a part of another whole',
      WHOLE,
      response(206, { 'content-range': `bytes ${RECEIVED}-${TOTAL}/${TOTAL + 1}` }),
      giveUp(true),
    ],
    ['no Content-Range', WHOLE, response(206), giveUp(true)],
    ['several ranges', WHOLE, response(206, { 'content-type': 'multipart/byteranges' }), giveUp(true)],
    ['an encoded part', WHOLE, part(RECEIVED, { 'content-encoding': 'gzip' }), giveUp(true)],
    ['another whole', WHOLE, response(200, { 'content-length': String(TOTAL - 1) }), giveUp(true)],
    ['a whole of unknown length', WHOLE, response(200), giveUp(true)],
    [
      'an encoded whole',
      WHOLE,
      response(200, { 'content-length': String(TOTAL), 'content-encoding': 'gzip' }),
      giveUp(true),
    ],
    ['a whole whose total nobody knew', { first: 0 }, response(200, { 'content-length': '5' }), giveUp(true)],
    [
      'a whole under another validator',
      { ...WHOLE, validator: '"v1"' },
      response(200, { 'content-length': String(TOTAL) }),
      giveUp(true),
    ],
    // refusals, final where asking again is of no use
    ['404', WHOLE, response(404), giveUp(true)],
    ['403', WHOLE, response(403), giveUp(true)],
    ['416', WHOLE, response(416), giveUp(true)],
    ['429', WHOLE, response(429), giveUp(false)],
    ['408', WHOLE, response(408), giveUp(false)],
    ['500', WHOLE, response(500), giveUp(false)],
    ['503', WHOLE, response(503), giveUp(false)],
    ['a redirect to a private address', WHOLE, response(307, { location: 'https://10.0.0.1/' }), giveUp(true)],
  ])('%s', (_, span, head, expected) => {
    const resumption = begun(span);
    const sent = resumption.onCut(RECEIVED) as Forward;
    expect(resumption.onResponse(sent, head)).toMatchObject(expected);
  });

  test('a redirect is followed, and the storage’s refusal is not the end', () => {
    const resumption = begun();
    const hop = resumption.onResponse(
      resumption.onCut(5) as Forward,
      response(307, { location: 'https://cdn.example.net/blob?sig=2' }),
    ) as Forward;
    expect(hop).toMatchObject({ verb: 'forward', purpose: 'hop' });
    expect(hop.headers).toContainEqual(['range', `bytes=5-${TOTAL - 1}`]);
    expect(hop.headers.map(([name]) => name)).not.toContain('authorization');
    expect(resumption.onResponse(hop, response(403))).toMatchObject(giveUp(false));
  });

  test.each<[Failure['kind'], boolean]>([
    ['refused', false],
    ['dns', false],
    ['timeout', false],
    ['reset', false],
    ['tls', true],
    ['forbidden', true],
  ])('a failure of kind %s is final: %s', (kind, final) => {
    expect(begun().onFailure({ kind, message: 'm' })).toEqual({ verb: 'give-up', why: 'm', final });
  });
});

describe('the client’s token has run out', () => {
  function refused(source = SOURCE) {
    const resumption = begun(WHOLE, source);
    const verb = resumption.onResponse(resumption.onCut(5) as Forward, response(401, CHALLENGE));
    return { resumption, verb };
  }

  test('an anonymous one is asked for, without the old one', () => {
    const { verb } = refused();
    expect(verb).toMatchObject({ verb: 'authorize', request: { purpose: 'realm', within: 400 } });
    expect(JSON.stringify((verb as Authorize).request)).not.toContain('old');
  });

  test('with it the registry is asked again', () => {
    const { resumption } = refused();
    const again = resumption.onToken('{"token":"new"}') as Forward;
    expect(again.url).toEqual(FIRST.url);
    expect(again.headers).toContainEqual(['authorization', 'Bearer new']);
    expect(again.headers).toContainEqual(['range', `bytes=5-${TOTAL - 1}`]);
  });

  test.each<[string, (resumption: Resumption) => unknown]>([
    ['no token is to be had', (resumption) => resumption.onToken(undefined)],
    ['the token is none', (resumption) => resumption.onToken('{}')],
    [
      'it does not help',
      (resumption) => resumption.onResponse(resumption.onToken('{"token":"new"}') as Forward, response(401, CHALLENGE)),
    ],
  ])('where %s, the old URL is tried, once', (_, act) => {
    const { resumption } = refused();
    const source = act(resumption) as Forward;
    expect(source).toMatchObject({ verb: 'forward', url: SOURCE.url, within: 400 });
    expect(resumption.onResponse(source, response(401, CHALLENGE))).toMatchObject({ verb: 'give-up', final: true });
  });

  test('where the registry itself sent the body, that is the end', () => {
    const { resumption } = refused(FIRST);
    expect(resumption.onToken(undefined)).toMatchObject({ verb: 'give-up', final: true });
  });

  test.each([
    ['no challenge', {}],
    ['Basic', { 'www-authenticate': 'Basic realm="x"' }],
    ['a private realm', { 'www-authenticate': 'Bearer realm="https://10.0.0.1/token"' }],
  ])('with %s the old URL is tried at once', (_, headers) => {
    const resumption = begun();
    const verb = resumption.onResponse(resumption.onCut(5) as Forward, response(401, headers));
    expect(verb).toMatchObject({ verb: 'forward', url: SOURCE.url });
  });

  test('each continuation may ask for one again', () => {
    const { resumption } = refused();
    const again = resumption.onToken('{"token":"new"}') as Forward;
    expect(resumption.onResponse(again, part(5))).toMatchObject({ verb: 'splice' });
    const next = resumption.onCut(5 + MIN_GAIN) as Forward;
    expect(resumption.onResponse(next, response(401, CHALLENGE))).toMatchObject({ verb: 'authorize' });
  });
});

describe('the bounds', () => {
  /** Cuts one continuation after the other, each of which brings `gain(n)` bytes; how many there were. */
  function continuations(gain: (n: number) => number): { count: number; why: string } {
    const resumption = begun({ first: 0, last: 1e12, total: 1e12 + 1 });
    let received = 10;
    for (let count = 0; count < 100; count++) {
      const verb = resumption.onCut(received);
      if (verb.verb === 'give-up') {
        expect(verb.final).toBe(true);
        return { count, why: verb.why };
      }
      const head = response(206, { 'content-range': `bytes ${received}-${1e12}/${1e12 + 1}` });
      expect(resumption.onResponse(verb, head)).toEqual({ verb: 'splice', skip: 0 });
      received += gain(count);
    }
    throw new Error('no end');
  }

  test('thirty continuations', () => {
    expect(continuations(() => MIN_GAIN)).toEqual({ count: MAX_CONTINUATIONS, why: expect.stringContaining('30') });
    expect(MAX_CONTINUATIONS).toBe(30);
  });

  test.each([
    ['nothing', 0],
    ['almost a MiB', MIN_GAIN - 1],
  ])('three in a row that brought %s', (_, gain) => {
    expect(continuations(() => gain)).toEqual({ count: MAX_BARREN, why: expect.stringContaining('3') });
    expect(MAX_BARREN).toBe(3);
  });

  test('three that are not in a row are no reason to stop', () => {
    expect(continuations((n) => (n % 3 === 2 ? MIN_GAIN : 0)).count).toBe(MAX_CONTINUATIONS);
  });

  test('the first bytes do not count, however few', () => {
    const resumption = begun();
    expect(resumption.onCut(0)).toMatchObject({ verb: 'forward', after: undefined });
  });

  test('what brings little is asked for a little later each time', () => {
    const resumption = begun();
    const waits: unknown[] = [];
    for (let received = 0; received < 3; received++) {
      const verb = resumption.onCut(received) as Forward;
      waits.push(verb.after);
      resumption.onResponse(verb, part(received));
    }
    expect(waits).toEqual([undefined, 250, 500]);
  });

  test('a continuation that cannot be had is tried a few times before it counts as one', () => {
    const resumption = begun();
    const waits: unknown[] = [];
    let verb = resumption.onCut(5);
    while (verb.verb === 'forward' && waits.length < 100) {
      waits.push(verb.after);
      expect(resumption.onResponse(verb, response(503))).toMatchObject({ final: false });
      verb = resumption.onCut(5);
    }
    expect(waits.slice(0, MAX_RETRIES + 1)).toEqual([undefined, 100, 400, 1600]);
    expect(waits).toHaveLength(MAX_BARREN * (MAX_RETRIES + 1));
    expect(verb).toMatchObject({ verb: 'give-up', final: true });
  });
});

describe('after a cut, where the proxy has an account', () => {
  const account = { kind: 'login', username: 'robot', password: randomUUID() } as const;
  const authorize = (realm: string) => {
    const resumed = new Resumption(FIRST, SOURCE, WHOLE, routeOf(BLOB, configOf()), account);
    const challenge = { 'www-authenticate': `Bearer realm="${realm}",service="s"` };
    return resumed.onResponse(resumed.onCut(5) as Forward, response(401, challenge)) as Authorize;
  };

  test('a token is asked for by that, and kept as one of its own', () => {
    const { request, key } = authorize('https://auth.example.com/token');
    expect(request.headers).toContainEqual(['authorization', basicLogin(account)]);
    expect(key).toBe('registry.example.com robot@https://registry.example.com/team/app');
  });

  test('a stranger’s token server does not see it', () => {
    expect(authorize('https://auth.example.net/token')).toMatchObject({ verb: 'forward', url: SOURCE.url });
  });
});

describe('a part that is fetched beside others', () => {
  const PART: Span = { first: 4 * MIN_GAIN, last: 8 * MIN_GAIN - 1, total: TOTAL };
  const RANGE = ['range', `bytes=${PART.first}-${PART.last}`];
  const fitting = (more: Record<string, string> = {}) =>
    response(206, { 'content-range': `bytes ${PART.first}-${PART.last}/${TOTAL}`, ...more });

  test('is asked for where the body came from, with nothing that says who asks', () => {
    const verb = begun(PART).onPart(0, '"v"');
    expect(verb).toMatchObject({ url: SOURCE.url, purpose: 'hop', within: 400, after: undefined });
    expect(verb.headers).toEqual([RANGE]);
  });

  test('is asked for from where it broke off', () => {
    expect(begun(PART).onPart(10, undefined).headers).toEqual([['range', `bytes=${PART.first + 10}-${PART.last}`]]);
  });

  test('is asked of the registry, where that sent the body itself', () => {
    expect(begun(PART, FIRST).onPart(0, undefined)).toMatchObject({ url: FIRST.url, purpose: 'registry' });
  });

  test.each([[400], [401], [403], [404], [410], [416]])(
    'is asked for through the registry where its storage answers %d',
    (status) => {
      const resumption = begun(PART);
      const again = resumption.onResponse(resumption.onPart(0, undefined), response(status, CHALLENGE)) as Forward;
      expect(again).toMatchObject({ url: FIRST.url, purpose: 'registry' });
      expect(again.headers).toContainEqual(RANGE);
      // and is met as any continuation from there on
      expect(resumption.onResponse(again, response(401, CHALLENGE))).toMatchObject({ verb: 'authorize' });
      expect(resumption.onResponse(again, response(404))).toMatchObject({ verb: 'give-up', final: true });
    },
  );

  test.each([[429], [500], [503]])('waits where the storage answers %d', (status) => {
    const resumption = begun(PART);
    expect(resumption.onResponse(resumption.onPart(0, undefined), response(status))).toMatchObject({
      verb: 'give-up',
      final: false,
    });
    expect(resumption.onCut(0)).toMatchObject({ url: FIRST.url, after: 100 });
  });

  test.each<[string, ReturnType<typeof response>, object]>([
    ['fits', fitting(), { verb: 'splice', skip: 0 }],
    ['fits with the same entity tag', fitting({ etag: '"v"' }), { verb: 'splice', skip: 0 }],
    ['fits with a weak one', fitting({ etag: 'W/"x"' }), { verb: 'splice', skip: 0 }],
    ['has another one', fitting({ etag: '"x"' }), { verb: 'give-up', final: true, isMisfit: true }],
    [
      'is of another body',
      response(206, { 'content-range': `bytes ${PART.first}-${PART.last}/${TOTAL + 1}` }),
      { verb: 'give-up', final: true, isMisfit: true },
    ],
    ['begins elsewhere', part(0), { verb: 'give-up', final: true, isMisfit: true }],
    [
      'is everything: nobody reads what stands before it',
      response(200, { 'content-length': String(TOTAL) }),
      { verb: 'give-up', final: true, isMisfit: true },
    ],
  ])('%s', (_, head, expected) => {
    const resumption = begun(PART);
    expect(resumption.onResponse(resumption.onPart(0, '"v"'), head)).toMatchObject(expected);
  });

  test('stays one when it is cut', () => {
    const resumption = begun(PART);
    resumption.onResponse(resumption.onPart(0, '"v"'), fitting());
    const again = resumption.onCut(MIN_GAIN) as Forward;
    expect(again).toMatchObject({ url: FIRST.url });
    expect(again.headers).toContainEqual(['range', `bytes=${PART.first + MIN_GAIN}-${PART.last}`]);
    const whole = response(200, { 'content-length': String(TOTAL) });
    expect(resumption.onResponse(again, whole)).toMatchObject({ isMisfit: true });
  });

  test('says where it came from', () => {
    const sources: Forward[] = [];
    const route = routeOf(BLOB, configOf(REGISTRY));
    const resumption = new Resumption(FIRST, SOURCE, PART, route, undefined, (source) => sources.push(source));
    const hop = resumption.onResponse(
      resumption.onCut(0) as Forward,
      response(307, { location: 'https://cdn.example.net/blob?sig=2' }),
    ) as Forward;
    expect(sources).toEqual([]);
    resumption.onResponse(hop, fitting());
    expect(sources.map(({ url }) => url.query)).toEqual(['?sig=2']);
  });
});
