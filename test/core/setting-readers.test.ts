import type { Given } from '../../src/core/given';
import { quote, settingReader } from '../../src/core/setting-readers';

const given = (as: string, text: string): Given => ({ from: 'env', as, written: text, text });

test('a reader collects faults and goes on', () => {
  const faults: string[] = [];
  const read = settingReader(
    {
      PORT: [given('PORT', 'x')],
      STALL_TIMEOUT: [given('STALL_TIMEOUT', '5s')],
      LOG_LEVEL: [given('--log-level', 'loud')],
      PUBLIC_URL: [],
    },
    faults,
  );
  expect([read('PORT'), read('STALL_TIMEOUT'), read('LOG_LEVEL'), read('HOST'), read('PUBLIC_URL')]).toEqual([
    undefined,
    5000,
    undefined,
    '0.0.0.0',
    undefined,
  ]);
  expect(faults).toEqual([
    'PORT=x: expected a whole number from 0 to 65535',
    '--log-level=loud: expected one of debug, info, warn, error, silent',
  ]);
});

test('what is secret is not quoted', () => {
  const setting = { name: 'KEY', kind: 'name', fallback: '', help: '' } as const;
  expect(quote(setting, given('KEY', 'abc'))).toBe('KEY=abc');
  expect(quote({ ...setting, secret: true }, given('KEY', 'abc'))).toBe('KEY=***');
});
