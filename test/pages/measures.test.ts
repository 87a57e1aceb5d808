import { printAge, printSize, printWait } from '../../src/pages/measures';
import { printCount, speechIn } from '../../src/pages/speech';

const [english, chinese] = [speechIn('en'), speechIn('zh')];

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [999.6, '1.00 kB'],
  [1396, '1.40 kB'],
  [9_994, '9.99 kB'],
  [9_996, '10.0 kB'],
  [29_128_000, '29.1 MB'],
  [99_960_000, '100 MB'],
  [999_600_000, '1.00 GB'],
  [31.2e9, '31.2 GB'],
  [5e18, '5000 PB'],
])('%d bytes are %s', (bytes, text) => {
  expect(printSize(bytes)).toBe(text.replace(' ', '\u00a0'));
});

test.each([
  [-5, 'just now', '刚刚'],
  [59, 'just now', '刚刚'],
  [60, '1 minute ago', '1 分钟前'],
  [7199, '1 hour ago', '1 小时前'],
  [3 * 86_400, '3 days ago', '3 天前'],
  [14 * 86_400, '2 weeks ago', '2 周前'],
  [61 * 86_400, '2 months ago', '2 个月前'],
  [731 * 86_400, '2 years ago', '2 年前'],
])('%d seconds ago is %s', (seconds, inEnglish, inChinese) => {
  const now = Date.UTC(2026, 0, 1);
  expect(printAge(now - seconds * 1000, now, english)).toBe(inEnglish);
  expect(printAge(now - seconds * 1000, now, chinese)).toBe(inChinese);
});

test.each([
  ['0', '1 second'],
  ['119', '119 seconds'],
  ['121', '3 minutes'],
  ['21600', '6 hours'],
  ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
  ['<b>', undefined],
  [undefined, undefined],
])('Retry-After: %s is %s', (field, text) => {
  expect(printWait(field, english)).toBe(text);
});

test('thousands are set apart', () => {
  expect([printCount(999), printCount(1284), printCount(1e6)]).toEqual(['999', '1\u202f284', '1\u202f000\u202f000']);
});
