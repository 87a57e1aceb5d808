import { printExport, printSpan, type Span } from '../../src/core/span';

const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags: 3, state: '' };
const span: Span = {
  kind: 'server',
  name: 'GET /v2/',
  context,
  begun: 1_700_000_000_000.25,
  ended: 1_700_000_000_001,
  attributes: {},
};
const printed = (more: Partial<Span> = {}) => JSON.parse(printSpan({ ...span, ...more }));

describe('a span in an export', () => {
  test('is what OTLP says, and nothing that says nothing', () => {
    expect(printed()).toEqual({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      flags: 0x103,
      name: 'GET /v2/',
      kind: 2,
      startTimeUnixNano: '1700000000000250000',
      endTimeUnixNano: '1700000000001000000',
      attributes: [],
    });
  });

  test('names its parent, and whether that is elsewhere', () => {
    const parent = { spanId: 'c'.repeat(16), isRemote: true };
    expect(printed({ parent, kind: 'client' })).toMatchObject({ parentSpanId: 'c'.repeat(16), flags: 0x303, kind: 3 });
    expect(printed({ parent: { ...parent, isRemote: false } })).toMatchObject({ flags: 0x103 });
  });

  test('has what tracing systems say to each other', () => {
    expect(printed({ context: { ...context, state: 'a=1' } })).toMatchObject({ traceState: 'a=1' });
  });

  test.each([
    ['text', { stringValue: 'text' }],
    [7, { intValue: '7' }],
    [0.5, { doubleValue: 0.5 }],
    [false, { boolValue: false }],
  ])('has %j as %j', (value, expected) => {
    expect(printed({ attributes: { a: value, b: undefined } }).attributes).toEqual([{ key: 'a', value: expected }]);
  });

  test('has no longer texts than 512 characters', () => {
    const [{ value }] = printed({ attributes: { a: 'x'.repeat(5000) } }).attributes;
    expect(value.stringValue).toHaveLength(512);
    expect(printed({ fault: 'x'.repeat(5000) }).status.message).toHaveLength(512);
  });

  test('is a failure where it was one', () => {
    expect([printed().status, printed({ fault: '' }).status]).toEqual([undefined, { code: 2 }]);
    expect(printed({ fault: 'no answer' }).status).toEqual({ code: 2, message: 'no answer' });
  });

  test('does not end before it begins, whatever the clock does', () => {
    const { startTimeUnixNano, endTimeUnixNano } = printed({ ended: 0 });
    expect(endTimeUnixNano).toBe(startTimeUnixNano);
  });

  test('travels with what exports it', () => {
    const text = printExport({ 'service.name': 'a"b' }, 'me', [printSpan(span), printSpan(span)]);
    expect(JSON.parse(text)).toEqual({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'a"b' } }] },
          scopeSpans: [{ scope: { name: 'me' }, spans: [printed(), printed()] }],
        },
      ],
    });
  });
});
