import { parseCache, parseConnections, parsePeriodOrOff, parseSize } from '../../src/core/cache-readers';
import { parseMilliseconds, parsePeriod } from '../../src/core/setting-values';

const MIB = 1024 * 1024;
const HOUR = 3_600_000;

test.each([
  ['none', { kind: 'none' }],
  ['OFF', { kind: 'none' }],
  ['memory', { kind: 'memory' }],
  ['disk', { kind: 'disk' }],
  ['disk:/var/cache', { kind: 'disk', folder: '/var/cache' }],
  ['disk:cache', { kind: 'disk', folder: 'cache' }],
  ['DISK:C:\\Cache', { kind: 'disk', folder: 'C:\\Cache' }],
  ['s3://bucket/a?region=r', { kind: 's3', text: 's3://bucket/a?region=r' }],
  ['r2', { kind: 'r2', prefix: '' }],
  ['R2:some/where/', { kind: 'r2', prefix: 'some/where/' }],
  ['r2:', undefined],
  ['r2:../x', undefined],
  ['r2:a b', undefined],
  ['r2://x', { kind: 'r2', prefix: 'x/' }],
  ['', undefined],
  ['disk:', undefined],
  ['disk: ', undefined],
  ['disk:/a\n/b', undefined],
  ['memory:', undefined],
  ['none:', undefined],
  ['s3:bucket', undefined],
  ['s3:///bucket', undefined],
  ['/var/cache', undefined],
])('the cache %j', (text, choice) => {
  expect(parseCache(text)).toEqual(choice);
});

test.each([
  ['0', 0],
  ['1000', 1000],
  ['1k', 1024],
  ['256m', 256 * MIB],
  ['256M', 256 * MIB],
  ['10 g', 10_240 * MIB],
  ['10GB', 10_240 * MIB],
  ['10GiB', 10_240 * MIB],
  ['1.5t', 1.5 * 1024 * 1024 * MIB],
  ['1.0001k', 1024],
  ['512b', 512],
  ['', undefined],
  ['g', undefined],
  ['10x', undefined],
  ['10gi', undefined],
  ['-1', undefined],
  ['1e9', undefined],
  ['9007199254740993', undefined],
  ['99999999t', undefined],
])('the size %j', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  ['0', 0],
  ['90', 90_000],
  ['500ms', 500],
  ['12h', 12 * HOUR],
  ['168h0m0s', 168 * HOUR],
  ['7d', 168 * HOUR],
  ['2W', 336 * HOUR],
  ['1d12h', 36 * HOUR],
  ['60d', 1440 * HOUR],
  ['', undefined],
  ['d', undefined],
  ['7 days', undefined],
  ['1d12', undefined],
  ['-1d', undefined],
  ['1y', undefined],
  ['604800000000000', undefined],
])('the period %j', (text, milliseconds) => {
  expect(parsePeriod(text)).toBe(milliseconds);
});

test.each(['7d', '1w', '1d12h', '600h'])('%s is no duration of a timer', (text) => {
  expect(parseMilliseconds(text)).toBeUndefined();
});

test.each([
  ['off', 0],
  ['No', 0],
  ['false', 0],
  ['0', 0],
  ['10m', 600_000],
  ['on', undefined],
  ['true', undefined],
])('a period or off: %j', (text, milliseconds) => {
  expect(parsePeriodOrOff(text)).toBe(milliseconds);
});

test.each([
  ['1', 1],
  ['64', 64],
  ['0', undefined],
  ['65', undefined],
  ['08', undefined],
  ['2.5', undefined],
  ['100', undefined],
])('%j connections', (text, count) => {
  expect(parseConnections(text)).toBe(count);
});
