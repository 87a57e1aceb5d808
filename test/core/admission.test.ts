import { randomBytes, randomUUID } from 'node:crypto';
import { checkRight, type Identity, whoIs } from '../../src/core/admission';
import type { Gate } from '../../src/core/gate';
import { parseAccess, type Who } from '../../src/core/rights';
import { DIGEST, place, REGISTRY, refusal, request } from './heads';

const SECRET = `s${randomBytes(12).toString('hex')}`;
const RELAYED = JSON.stringify({ 'corp.test': { auth: 'relay' } });
const HASH = `$2y$05$${randomUUID().replaceAll('-', 'a').slice(0, 21)}.${'a'.repeat(31)}`;
const alice: Who = { kind: 'user', name: 'alice' };
const guest: Who = { kind: 'guest' };
const nobody: Who = { kind: 'anonymous' };

function gateOf(access?: string, more: Partial<Gate> = {}): Gate {
  const users = new Map([['alice', HASH]]);
  const rules = access === undefined ? undefined : parseAccess(access).rules;
  return { realm: 'r', users, anonymousPull: false, satisfy: 'all', ...(rules && { rules }), ...more };
}

function verdict(who: Who, line: string, gate: Gate, env: Record<string, string> = {}) {
  const head = request(line);
  return (
    refusal(() =>
      checkRight(who, head, gate, place(head.target, { ...REGISTRY, HTPASSWD: `alice:${HASH}`, ...env })),
    ) ?? 'yes'
  );
}

describe('a path outside /v2/', () => {
  test.each(['/base/v2/other/app/manifests/v1', '/V2/other/app/manifests/v1', '/%76%32/_catalog', '/v2;x/a/blobs/b'])(
    '%s leads a user past no rule',
    (target) => {
      expect(verdict(alice, `GET ${target}`, gateOf('alice: pull team/**'))).toBe('403 DENIED');
      expect(verdict(alice, `GET ${target}`, gateOf())).toBe('yes');
    },
  );

  test('is for whom the gate lets in, and for everybody where somebody need not log in', () => {
    const is = (who: Who, gate: Gate) => verdict(who, 'GET /storage/x', gate);
    expect([is(alice, gateOf('alice: pull a')), is(guest, gateOf()), is(nobody, gateOf())]).toEqual([
      'yes',
      'yes',
      '401 UNAUTHORIZED',
    ]);
    expect(is(nobody, gateOf('anonymous: pull a'))).toBe('yes');
    expect(is(nobody, gateOf(undefined, { anonymousPull: true }))).toBe('yes');
  });
});

describe('a registry that is left to its clients', () => {
  const gate = gateOf(undefined, { users: new Map(), secret: SECRET });
  const env = { ACCESS_SECRET: SECRET, REGISTRIES: RELAYED, HTPASSWD: '' };

  test('judges itself whom the gate has let in, also who pushes', () => {
    expect(verdict(guest, 'POST /v2/corp.test/team/app/blobs/uploads/', gate, env)).toBe('yes');
    expect(verdict(guest, 'POST /v2/team/app/blobs/uploads/', gate, env)).toBe('403 DENIED');
  });

  test('is shown nobody else', () => {
    expect(verdict(nobody, 'GET /v2/corp.test/team/app/manifests/v1', gate, env)).toBe('403 DENIED');
  });
});

describe('the list of repositories', () => {
  test('is for those who may pull everything', () => {
    const list = (who: Who, gate: Gate) => verdict(who, 'GET /v2/_catalog', gate);
    expect([list(alice, gateOf()), list(guest, gateOf()), list(nobody, gateOf())]).toEqual([
      'yes',
      'yes',
      '401 UNAUTHORIZED',
    ]);
    expect(list(nobody, gateOf(undefined, { anonymousPull: true }))).toBe('yes');
    expect(list(nobody, gateOf('anonymous: pull a'))).toBe('401 UNAUTHORIZED');
    expect(list(alice, gateOf('alice: all **', { anonymousPull: true }))).toBe('403 DENIED');
  });
});

test('what everybody may pull nobody else may push or delete', () => {
  const gate = gateOf('alice: push team/**', { anonymousPull: true });
  expect(verdict(nobody, 'GET /v2/other/app/manifests/v1', gate)).toBe('yes');
  for (const line of ['PUT /v2/team/app/manifests/v1', `DELETE /v2/team/app/blobs/${DIGEST}`]) {
    expect([line, verdict(nobody, line, gate), verdict(guest, line, gate)]).toEqual([
      line,
      '401 UNAUTHORIZED',
      '401 UNAUTHORIZED',
    ]);
  }
  expect(verdict(alice, 'PUT /v2/team/app/manifests/v1', gate)).toBe('yes');
  expect(verdict(alice, 'DELETE /v2/team/app/manifests/v1', gate)).toBe('403 DENIED');
});

describe('whoever asks', () => {
  const at = place('/v2/team/app/manifests/v1');
  const is = (identity: Identity, isGuest: boolean) => whoIs(identity, isGuest, gateOf(), at);

  test('is a user by a login, and a guest only without one', () => {
    expect(is({ kind: 'user', name: 'alice' }, true)).toEqual(alice);
    expect([is({ kind: 'anonymous' }, true), is({ kind: 'anonymous' }, false)]).toEqual([guest, nobody]);
  });

  test('with a wrong login is refused, guest or not, and held up where it cannot be checked', () => {
    expect(refusal(() => is({ kind: 'refused', why: 'wrong' }, true))).toBe('401 UNAUTHORIZED');
    expect(refusal(() => is({ kind: 'busy', why: 'later' }, true))).toBe('429 TOOMANYREQUESTS');
  });
});
