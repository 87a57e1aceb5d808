import { settingReader } from '../../src/core/setting-readers';

test('a reader collects faults and goes on', () => {
  const faults: string[] = [];
  const read = settingReader({ PORT: 'x', STALL_TIMEOUT: ' 5s ', LOG_LEVEL: 'loud' }, faults);
  expect([read('PORT'), read('STALL_TIMEOUT'), read('LOG_LEVEL'), read('HOST'), read('PUBLIC_URL')]).toEqual([
    undefined,
    5000,
    undefined,
    '0.0.0.0',
    undefined,
  ]);
  expect(faults).toEqual([
    'PORT=x: expected a whole number from 0 to 65535',
    'LOG_LEVEL=loud: expected one of debug, info, warn, error, silent',
  ]);
});
