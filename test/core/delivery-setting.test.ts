import { parseDeliveries } from '../../src/core/delivery-setting';

test.each([
  ['auto', { all: 'auto', of: {} }],
  ['Offload', { all: 'offload', of: {} }],
  ['ghcr.io=offload', { all: 'auto', of: { 'ghcr.io': 'offload' } }],
  ['redirect, ghcr.io=offload quay.io=stream', { all: 'redirect', of: { 'ghcr.io': 'offload', 'quay.io': 'stream' } }],
])('%s is read', (text, expected) => {
  expect(parseDeliveries(text)).toEqual(expected);
});

test.each([
  'fast',
  'auto,stream',
  'ghcr.io=fast',
  'ghcr.io=offload,ghcr.io=stream',
  'ghcr.io=offload=stream',
  '=offload',
  'ghcr.io=',
])('%s is none', (text) => {
  expect(parseDeliveries(text)).toBeUndefined();
});
