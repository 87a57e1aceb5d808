import { parseRange } from './addresses';
import { isName } from './reference';
import { parseUrl, type Url } from './url';

export type Origin = Pick<Url, 'scheme' | 'hostname' | 'port'>;

export interface TrustProxy {
  /** Words that `isNamed` reads. */
  readonly peers: 'all' | readonly string[];
  /** Set by the operator and not assumed by us: only then X-Forwarded-For is believed too. */
  readonly explicit: boolean;
}

export function parseTrustProxy(text: string): TrustProxy | undefined {
  const flag = readBoolean(text);
  if (flag !== undefined && !/^[01]$/.test(text)) return { peers: flag ? 'all' : [], explicit: true };
  const words = text.split(/[\s,]+/).filter(Boolean);
  return words.every((word) => parseRange(word)) ? { peers: words, explicit: true } : undefined;
}

export function readBoolean(text: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  return /^(false|0|no|off)$/i.test(text) ? false : undefined;
}

export function parseHost(text: string): string | undefined {
  return /^[^\s/]+$/.test(text) ? text : undefined;
}

/** Some people put in what belongs into the file. */
export const PEM = /(-----BEGIN |LS0tLS1CRUdJTi).*/s;

export function parsePath(text: string): string | undefined {
  return PEM.test(text) || /[\r\n]/.test(text) ? undefined : text;
}

export function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}

const HOUR = 3_600_000;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: HOUR,
  d: 24 * HOUR,
  w: 168 * HOUR,
  '': 1000,
};

/** Timers beyond this fire at once in Node. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

/** A number beyond this is a slip: of nanoseconds, as Go has them without a unit, for one. */
const MAX_PERIOD = 100 * 365 * 24 * HOUR;

/** One number, with a unit or in seconds, or several with their units as Go writes them: `24h0m0s`. */
export function parseMilliseconds(text: string): number | undefined {
  const value = /[dw]/i.test(text) ? undefined : sumOf(text);
  return value !== undefined && value <= MAX_MILLISECONDS ? value : undefined;
}

/** What is compared with a clock and is no timer: days and weeks too, up to a century. */
export function parsePeriod(text: string): number | undefined {
  const value = sumOf(text);
  return value !== undefined && value <= MAX_PERIOD ? value : undefined;
}

function sumOf(text: string): number | undefined {
  if (!/^\d+(\.\d+)?$|^(\d+(\.\d+)?\s*(ms|[smhdw])\s*)+$/i.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|[smhdw]|)/gi)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit.toLowerCase()], 0);
}

/** A bare host means https; base paths are kept without a trailing slash or `/v2`. */
export function parseUrlOrHost(text: string): Url | undefined {
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || url.query || text.includes('#') || /%|\/\/|\/\.{1,2}(\/|$)/.test(url.path)) return undefined;
  return { ...url, path: url.path.replace(/\/+$/, '').replace(/\/v2$/, '') };
}

export function parseOriginOrHost(text: string): Url | undefined {
  const url = parseUrlOrHost(text);
  return url?.path === '' ? url : undefined;
}

export function parseOrigin(text: string): Origin | undefined {
  return /^https?:\/\//i.test(text) ? parseOriginOrHost(text) : undefined;
}

/** What clients call a registry: its host, with its port where it has one, or a name of the operator's own. */
export function parseRegistryName(text: string): string | undefined {
  const name = text.toLowerCase();
  return isName(name.replace(/:\d+$/, '')) && !name.includes('/') && parseUrl(`https://${name}/`) ? name : undefined;
}

export function parseRepository(text: string): string | undefined {
  const name = text.replace(/^\/+|\/+$/g, '');
  return isName(name) ? name : undefined;
}

/** Not trimmed further and not shown: what it holds is nobody's business, as long as a header can carry it. */
export function parseSecret(text: string): string | undefined {
  return [...text].some((character) => character < ' ' || character === '\x7f') ? undefined : text;
}
