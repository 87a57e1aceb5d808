import { splitListenAddress } from '../../src/core/listen-address';

test.each([
  [':5000', { port: '5000' }],
  ['0.0.0.0:5000', { host: '0.0.0.0', port: '5000' }],
  ['localhost:5000', { host: 'localhost', port: '5000' }],
  ['[::]:5000', { host: '::', port: '5000' }],
  ['[fe80::1%eth0]:1', undefined],
  ['[fd00::1]:1', { host: 'fd00::1', port: '1' }],
  ['5000', undefined],
  ['::5000', undefined],
  ['host', undefined],
  ['host:', undefined],
  [':http', undefined],
  ['http://host:1', undefined],
  ['unix:/run/x.sock', undefined],
  ['[]:1', undefined],
  ['', undefined],
])('%s', (text, expected) => {
  expect(splitListenAddress(text)).toEqual(expected);
});
