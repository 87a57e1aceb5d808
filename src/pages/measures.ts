import type { Counted, Speech } from './speech';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in decimal units, three digits of them, as docker prints them: `67.3 MB`. */
export function printSize(bytes: number): string {
  let unit = 0;
  let rest = bytes;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)}\u00a0${UNITS[unit]}`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Each unit up to so many seconds. */
const AGES: readonly (readonly [Counted, number, number])[] = [
  ['age.minute', MINUTE, HOUR],
  ['age.hour', HOUR, DAY],
  ['age.day', DAY, 14 * DAY],
  ['age.week', 7 * DAY, 61 * DAY],
  ['age.month', 30.44 * DAY, 731 * DAY],
  ['age.year', 365.25 * DAY, Number.POSITIVE_INFINITY],
];

/** How long ago a moment was; what lies ahead, by a clock that is not ours, is now. */
export function printAge(since: number, now: number, { say, count }: Speech): string {
  const seconds = (now - since) / 1000;
  if (!(seconds >= MINUTE)) return say('age.now');
  const [word, unit] = AGES.find(([, , end]) => seconds < end) as (typeof AGES)[number];
  return count(word, Math.floor(seconds / unit));
}

/** Seconds as `Retry-After` has them, rounded up; undefined for a date and for what is neither (RFC 9110 section 10.2.3). */
export function printWait(retryAfter: string | undefined, { count }: Speech): string | undefined {
  if (!/^\d{1,9}$/.test(retryAfter ?? '')) return undefined;
  const seconds = Math.max(Number(retryAfter), 1);
  if (seconds < 2 * MINUTE) return count('wait.second', seconds);
  if (seconds < 2 * HOUR) return count('wait.minute', Math.ceil(seconds / MINUTE));
  return count('wait.hour', Math.ceil(seconds / HOUR));
}
