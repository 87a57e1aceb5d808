import { answerError, RegistryError } from '../../src/core/errors';

test('an error becomes OCI JSON that nobody stores', () => {
  const answer = answerError(
    new RegistryError(404, 'NAME_UNKNOWN', 'no "such"', { name: 'a' }, [['retry-after', '5']]),
  );
  expect(answer).toMatchObject({ verb: 'answer', status: 404, why: 'NAME_UNKNOWN: no "such"' });
  expect(answer.headers).toEqual([
    ['content-type', 'application/json'],
    ['docker-distribution-api-version', 'registry/2.0'],
    ['cache-control', 'no-store'],
    ['retry-after', '5'],
  ]);
  expect(JSON.parse(answer.body ?? '')).toEqual({
    errors: [{ code: 'NAME_UNKNOWN', message: 'no "such"', detail: { name: 'a' } }],
  });
  expect(answer.body?.endsWith('\n')).toBe(true);
});

test('without a detail there is none, and the reason for the log may be another', () => {
  const answer = answerError(new RegistryError(500, 'UNKNOWN', 'm'), 'stack');
  expect([answer.body, answer.why]).toEqual(['{"errors":[{"code":"UNKNOWN","message":"m"}]}\n', 'stack']);
});
