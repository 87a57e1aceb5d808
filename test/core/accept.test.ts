import { weightOf } from '../../src/core/accept';

const TYPE = 'application/openmetrics-text';

test.each([
  [[], 1],
  ['text/plain', 0],
  [TYPE, 1],
  ['Application/OpenMetrics-Text; version=1.0.0; q=0.6, text/plain;q=0.5', 0.6],
  [`${TYPE};version=1.0.0;q=0.6,${TYPE};version=0.0.1;q=0.75`, 0.75],
  ['*/*;q=0.1, application/*;q=0.3', 0.3],
  [`*/*, ${TYPE};q=0`, 0],
  [['text/plain', '*/*;q=0.2'], 0.2],
])('%j wants it by %d', (accept, weight) => {
  const lines = [accept].flat().map((value) => ['accept', value] as const);
  expect(weightOf(TYPE, lines)).toBe(weight);
});
