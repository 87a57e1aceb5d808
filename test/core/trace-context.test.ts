import {
  isKept,
  isSampled,
  MAX_TRACE_STATE,
  printTraceParent,
  readTraceContext,
  traceHeaders,
} from '../../src/core/trace-context';
import type { Purpose } from '../../src/core/verbs';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PARENT = `00-${TRACE}-${SPAN}-01`;

const read = (parent: string | string[], ...states: string[]) =>
  readTraceContext([
    ...[parent].flat().map((value) => ['traceparent', value] as const),
    ...states.map((value) => ['tracestate', value] as const),
  ]);

describe('traceparent', () => {
  test.each([
    ['as it is written everywhere', PARENT, { flags: 1 }],
    ['that is not sampled', `00-${TRACE}-${SPAN}-00`, { flags: 0 }],
    ['with random ids', `00-${TRACE}-${SPAN}-03`, { flags: 3 }],
    ['with flags that nobody knows yet', `00-${TRACE}-${SPAN}-fd`, { flags: 1 }],
    ['with spaces around', ` ${PARENT}\t`, { flags: 1 }],
    ['of a later version', `01-${TRACE}-${SPAN}-01`, { flags: 1 }],
    ['of a later version that says more', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, { flags: 1 }],
  ])('%s is understood', (_, text, expected) => {
    expect(read(text)).toEqual({ traceId: TRACE, spanId: SPAN, state: '', ...expected });
  });

  test.each([
    ['nothing', []],
    ['two of them', [PARENT, PARENT]],
    ['two on one line', `${PARENT}, ${PARENT}`],
    ['the version that is none', `ff-${TRACE}-${SPAN}-01`],
    ['version 00 that says more', `${PARENT}-01`],
    ['a later version with more and no dash before it', `01-${TRACE}-${SPAN}-01.what`],
    ['capitals', PARENT.toUpperCase()],
    ['an id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a short id', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a long parent', `00-${TRACE}-${SPAN}0-01`],
    ['no flags', `00-${TRACE}-${SPAN}`],
    ['flags that are no digits', `00-${TRACE}-${SPAN}-0g`],
    ['other separators', PARENT.replaceAll('-', '_')],
    ['a line end', `${PARENT}\n${PARENT}`],
  ])('%s is none', (_, text) => {
    expect(read(text, 'a=1')).toBeUndefined();
  });

  test('is handed on as it came', () => {
    for (const text of [PARENT, `00-${TRACE}-${SPAN}-00`, `00-${TRACE}-${SPAN}-03`]) {
      expect(printTraceParent(read(text) as never)).toBe(text);
    }
  });

  test('of a later version is handed on as what was understood of it', () => {
    expect(printTraceParent(read(`cc-${TRACE}-${SPAN}-09-more`) as never)).toBe(PARENT);
  });

  test('says whether the caller keeps its part', () => {
    expect([PARENT, PARENT.replace(/01$/, '02')].map((text) => isSampled(read(text) as never))).toEqual([true, false]);
  });
});

describe('tracestate', () => {
  const stateOf = (...lines: string[]) => read(PARENT, ...lines)?.state;
  const many = (count: number, length = 1) =>
    Array.from({ length: count }, (_, index) => `k${index}=${'v'.repeat(length)}`);

  test.each([
    ['one entry', ['rojo=00f067aa0ba902b7'], 'rojo=00f067aa0ba902b7'],
    ['several lines, in their order', ['a=1', 'b=2,c=3'], 'a=1,b=2,c=3'],
    ['spaces and empty entries', [' a=1 ,, b=2\t,'], 'a=1,b=2'],
    ['a key with its tenant', ['fw529a3039@dt=FfD/+;x'], 'fw529a3039@dt=FfD/+;x'],
    ['a key that begins with a digit', ['0a-_*/=1'], '0a-_*/=1'],
    ['32 entries', [many(32).join()], many(32).join()],
  ])('%s', (_, lines, expected) => {
    expect(stateOf(...lines)).toBe(expected);
  });

  test.each([
    ['33 entries', many(33).join()],
    ['the same key twice', 'a=1,b=2,a=3'],
    ['capitals in a key', 'A=1'],
    ['an empty value', 'a='],
    ['no value', 'a'],
    ['two values', 'a=1=2'],
    ['a key of 257 characters', `${'k'.repeat(257)}=1`],
    ['a value of 257 characters', `a=${'v'.repeat(257)}`],
    ['letters of another script', 'a=ä'],
  ])('%s is none, and takes nothing from the ids', (_, line) => {
    expect(read(PARENT, line)).toMatchObject({ traceId: TRACE, state: '' });
  });

  test('that is too long loses what is long first, and then its end', () => {
    const short = many(10, 57);
    const [first, ...rest] = short;
    const state = stateOf([first, `long=${'x'.repeat(200)}`, ...rest].join());
    expect(state?.length).toBeLessThanOrEqual(MAX_TRACE_STATE);
    expect(state).toBe(short.slice(0, 8).join());
  });
});

describe('a request to an upstream', () => {
  const context = read(PARENT, 'a=1') as NonNullable<ReturnType<typeof read>>;

  test.each([
    ['registry', true],
    ['ping', true],
    ['backend', true],
    ['realm', false],
    ['hop', false],
  ] satisfies [Purpose, boolean][])('to a %s says of its tracestate: %j', (purpose, isSaid) => {
    expect(traceHeaders(context, purpose)).toEqual([
      ['traceparent', PARENT],
      ...(isSaid ? [['tracestate', 'a=1']] : []),
    ]);
  });

  test('has no empty tracestate', () => {
    expect(traceHeaders({ ...context, state: '' }, 'registry')).toEqual([['traceparent', PARENT]]);
  });
});

describe('the ratio', () => {
  test.each([
    ['f'.repeat(32), 1, true],
    ['f'.repeat(32), 0.999, false],
    ['0'.repeat(31).concat('1'), 0, false],
    [`${'f'.repeat(19)}7ffffffffffff`, 0.5, true],
    [`${'0'.repeat(19)}8000000000000`, 0.5, false],
  ])('of %s at %d: %j', (traceId, ratio, expected) => {
    expect(isKept(traceId, ratio)).toBe(expected);
  });
});
