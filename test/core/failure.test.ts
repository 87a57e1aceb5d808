import { checkStatus, failureError } from '../../src/core/failure';
import type { Failure, Purpose } from '../../src/core/verbs';
import { configOf, forward, refusal, response } from './heads';

describe('no response', () => {
  const [upstream] = configOf().upstreams;
  const failed = (kind: Failure['kind'], purpose: Purpose = 'registry') =>
    failureError(
      forward('https://cdn.example.net:8443/secret?sig=secret', { purpose }),
      { kind, message: 'm' },
      upstream,
    );

  test.each<[Failure['kind'], number, string | undefined]>([
    ['refused', 502, 'REGISTRY_BACKEND'],
    ['dns', 502, 'REGISTRY_BACKEND'],
    ['tls', 502, 'NODE_EXTRA_CA_CERTS'],
    ['forbidden', 502, 'ALLOW_PRIVATE_ADDRESSES=true'],
    ['timeout', 504, undefined],
    ['reset', 502, undefined],
    ['unknown', 502, undefined],
  ])('%s is a %d that says what to do', (kind, status, hint) => {
    const { status: answered, detail, message } = failed(kind);
    expect(answered).toBe(status);
    expect(detail).toMatchObject({
      registry: 'registry.example.com',
      target: 'https://cdn.example.net:8443',
      reason: kind,
    });
    expect((detail as { hint?: string }).hint ?? '').toContain(hint ?? '');
    expect(JSON.stringify([message, detail])).not.toContain('secret');
  });

  test.each<[Purpose, RegExp]>([
    ['registry', /^the registry cannot be reached: m$/],
    ['ping', /^the registry /],
    ['hop', /storage/],
    ['realm', /token server/],
    ['backend', /backend host/],
  ])('from a %s says who it was', (purpose, expected) => {
    expect(failed('reset', purpose).message).toMatch(expected);
  });
});

test.each([
  [200, undefined],
  [599, undefined],
  [100, '502 UNAVAILABLE'],
  [101, '502 UNAVAILABLE'],
  [0, '502 UNAVAILABLE'],
  [600, '502 UNAVAILABLE'],
  [999, '502 UNAVAILABLE'],
])('a status of %d: %s', (status, expected) => {
  expect(refusal(() => checkStatus(response(status)))).toBe(expected);
});

test('a client whose body does not come is told so, and loses its connection', () => {
  const error = failureError(
    forward('https://registry.example.com/'),
    { kind: 'client', message: 'the client stopped sending' },
    configOf().upstreams[0],
  );
  expect(error).toMatchObject({ status: 408, headers: [['connection', 'close']] });
});
