import { isCacheHit } from '../../src/core/cache-hit';
import { fields } from './heads';

test.each<[string | string[] | undefined, boolean | undefined]>([
  [undefined, undefined],
  ['', undefined],
  ['registry-proxy; hit', true],
  ['registry-proxy;hit;ttl=-12;detail=stale', true],
  ['registry-proxy; HIT=?1', true],
  ['registry-proxy; fwd=uri-miss; stored', false],
  ['registry-proxy; fwd=uri-miss; detail="a; hit, b; hit"', false],
  ['registry-proxy; hits', false],
  ['registry-proxy; fwd=bypass', undefined],
  ['registry-proxy; fwd=request; fwd-status=200; detail=same-digest', true],
  ['registry-proxy; fwd=stale; fwd-status=200; stored', false],
  // The far one had it, the near one did not.
  ['registry-proxy; hit, registry-proxy; fwd=uri-miss', false],
  ['registry-proxy; fwd=uri-miss, registry-proxy; hit', true],
  [['far; hit', 'near; fwd=stale'], false],
])('%j says %p', (value, verdict) => {
  expect(isCacheHit(fields(value === undefined ? {} : { 'cache-status': value }))).toBe(verdict);
});
