import { parsePrefix } from './s3-place-reader';
import { parsePath, parsePeriod, readBoolean } from './setting-values';

/** What `CACHE` says, as far as one setting alone can say it. */
export type CacheChoice =
  | { readonly kind: 'none' }
  | { readonly kind: 'memory' }
  | { readonly kind: 'disk'; readonly folder?: string }
  /** The whole text: `readS3Place` takes it apart. */
  | { readonly kind: 's3'; readonly text: string }
  | { readonly kind: 'r2'; readonly prefix: string };

export function parseCache(text: string): CacheChoice | undefined {
  if (/^s3:\/\/[^/]/i.test(text)) return { kind: 's3', text };
  const [isR2, within = ''] = /^r2(?::(.+))?$/i.exec(text) ?? [];
  if (isR2) {
    const prefix = parsePrefix(within);
    return prefix === undefined ? undefined : { kind: 'r2', prefix };
  }
  const [, word, rest] = /^(none|off|memory|disk)(?::(.*))?$/is.exec(text) ?? [];
  const kind = word?.toLowerCase();
  if (rest === undefined && (kind === 'none' || kind === 'off')) return { kind: 'none' };
  if (rest === undefined && (kind === 'memory' || kind === 'disk')) return { kind };
  const folder = kind === 'disk' && rest ? parsePath(rest.trim()) : undefined;
  return folder ? { kind: 'disk', folder } : undefined;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes, as nginx writes them (its documentation, "Measurement units"), or with the rest of a unit behind it: `10g`, `10GB`, `10GiB`. */
export function parseSize(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * UNITS[unit?.toLowerCase() ?? '']);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** 0 for off. */
export function parsePeriodOrOff(text: string): number | undefined {
  return readBoolean(text) === false ? 0 : parsePeriod(text);
}

const MAX_CONNECTIONS = 64;

export function parseConnections(text: string): number | undefined {
  return /^[1-9]\d?$/.test(text) && Number(text) <= MAX_CONNECTIONS ? Number(text) : undefined;
}
