import { parseRange } from './addresses';
import type { Given, GivenSettings } from './given';
import { isName } from './reference';
import type { Setting, SettingKind } from './setting';
import { type SettingName, settings } from './settings';
import { parseUrl, type Url } from './url';

export type Origin = Pick<Url, 'scheme' | 'hostname' | 'port'>;

export interface TrustProxy {
  /** Words that `isNamed` reads. */
  readonly peers: 'all' | readonly string[];
  /** Set by the operator and not assumed by us: only then X-Forwarded-For is believed too. */
  readonly explicit: boolean;
}

/** How each kind of setting is read, and what to tell people who wrote something else. */
const readers = {
  'address-list': {
    parse: trustProxy,
    expected: 'true, false or a list of addresses, CIDR ranges, loopback, linklocal, private',
  },
  boolean: { parse: readBoolean, expected: 'true or false' },
  choice: { parse: (text: string) => text.toLowerCase(), expected: '' },
  duration: { parse: milliseconds, expected: 'a duration: 20s, 500ms, 5m, or seconds without a unit' },
  host: { parse: host, expected: 'an address or a host name' },
  name: {
    parse: readRegistryName,
    expected: 'the name of a registry, for example docker.io or registry.example.com:5000',
  },
  origin: { parse: origin, expected: 'https://host[:port] or http://host[:port], without a path' },
  'origin-or-host': {
    parse: originOrHost,
    expected: 'an http(s) URL or a host name without path, credentials or query',
  },
  path: { parse: path, expected: 'the path of a file' },
  port: { parse: port, expected: 'a whole number from 0 to 65535' },
  presence: { parse: () => true, expected: '' },
  registries: {
    parse: registries,
    expected: 'a list of registry names, or name=URL pairs, with commas between',
  },
  repository: {
    parse: repository,
    expected: 'a repository path: lower-case letters, digits, separators and slashes',
  },
  secret: { parse: secret, expected: 'text without control characters' },
  'url-or-host': {
    parse: urlOrHost,
    expected: 'an http(s) URL or a host name without credentials, query or fragment',
  },
} satisfies Record<SettingKind, { parse: (text: string) => unknown; expected: string }>;

type KindOf<Name extends SettingName> = Extract<(typeof settings)[number], { name: Name }>['kind'];
type ValueOf<Name extends SettingName> = Exclude<ReturnType<(typeof readers)[KindOf<Name>]['parse']>, undefined>;

export type SettingReader = <Name extends SettingName>(name: Name) => ValueOf<Name> | undefined;

/**
 * Reads settings by name out of what was given; every fault is added to `faults`, under the name that the user wrote.
 * Empty counts as not set: `PUBLIC_URL=` in an .env file is how people switch a setting off.
 */
export function settingReader(given: GivenSettings, faults: string[]): SettingReader {
  return <Name extends SettingName>(name: Name) => {
    const setting = settings.find((each) => each.name === name) as Setting;
    const { parse, expected } = readers[setting.kind];
    const [first, ...others] = given[name] ?? [];
    if (!first) return (setting.fallback === '' ? undefined : parse(setting.fallback)) as ValueOf<Name> | undefined;
    const parsed = (each: Given) => {
      const value = parse(setting.synonyms?.[each.text.toLowerCase()] ?? each.text);
      if (value !== undefined && (!setting.choices || setting.choices.includes(String(value)))) return value;
      const wanted = setting.choices ? `one of ${setting.choices.join(', ')}` : expected;
      faults.push(`${quote(setting, each)}: expected ${wanted}`);
      return undefined;
    };
    const value = parsed(first);
    for (const other of others) {
      const same = parsed(other);
      if (value === undefined || same === undefined || JSON.stringify(same) === JSON.stringify(value)) continue;
      faults.push(`${quote(setting, first)} and ${quote(setting, other)}: both set ${name}, to different values`);
    }
    return value as ValueOf<Name> | undefined;
  };
}

/** A setting as the user wrote it, as far as it may be printed. */
export function quote({ secret }: Setting, { as, file, written }: Given): string {
  return `${file === undefined ? '' : `${file}: `}${as}=${secret ? '***' : mask(written)}`;
}

/** What is printed of a value: people do put passwords into URLs. */
export function mask(text: string): string {
  const masked = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/i, '$1***@').replace(/\?.*$/, '?***');
  return masked.replace(PEM, '$1***').replace(/\s+/g, ' ').slice(0, 200);
}

function trustProxy(text: string): TrustProxy | undefined {
  const flag = readBoolean(text);
  if (flag !== undefined && !/^[01]$/.test(text)) return { peers: flag ? 'all' : [], explicit: true };
  const words = text.split(/[\s,]+/).filter(Boolean);
  return words.every((word) => parseRange(word)) ? { peers: words, explicit: true } : undefined;
}

export function readBoolean(text: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  return /^(false|0|no|off)$/i.test(text) ? false : undefined;
}

function host(text: string): string | undefined {
  return /^[^\s/]+$/.test(text) ? text : undefined;
}

/** Some people put in what belongs into the file. */
const PEM = /(-----BEGIN |LS0tLS1CRUdJTi).*/s;

function path(text: string): string | undefined {
  return PEM.test(text) || /[\r\n]/.test(text) ? undefined : text;
}

function port(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1000 };

/** Timers beyond this fire at once in Node. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

/** One number, with a unit or in seconds, or several with their units as Go writes them: `24h0m0s`. */
function milliseconds(text: string): number | undefined {
  if (!/^\d+(\.\d+)?$|^(\d+(\.\d+)?\s*(ms|s|m|h)\s*)+$/i.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|)/gi)];
  const value = parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit.toLowerCase()], 0);
  return value <= MAX_MILLISECONDS ? value : undefined;
}

/** A bare host means https; base paths are kept without a trailing slash or `/v2`. */
function urlOrHost(text: string): Url | undefined {
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || url.query || text.includes('#') || /%|\/\/|\/\.{1,2}(\/|$)/.test(url.path)) return undefined;
  return { ...url, path: url.path.replace(/\/+$/, '').replace(/\/v2$/, '') };
}

function originOrHost(text: string): Url | undefined {
  const url = urlOrHost(text);
  return url?.path === '' ? url : undefined;
}

function origin(text: string): Origin | undefined {
  return /^https?:\/\//i.test(text) ? originOrHost(text) : undefined;
}

function readRegistryName(text: string): string | undefined {
  const name = text.toLowerCase();
  return isName(name.replace(/:\d+$/, '')) && !name.includes('/') && parseUrl(`https://${name}/`) ? name : undefined;
}

export interface NamedRegistry {
  readonly name: string;
  readonly url: Url;
}

function registries(text: string): NamedRegistry[] | undefined {
  const entries = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(namedRegistry);
  return entries.includes(undefined) ? undefined : (entries as NamedRegistry[]);
}

function namedRegistry(entry: string): NamedRegistry | undefined {
  const [first, ...address] = entry.split('=');
  const name = readRegistryName(first);
  const url = urlOrHost(address.length > 0 ? address.join('=') : first);
  return name && url ? { name, url } : undefined;
}

function repository(text: string): string | undefined {
  const name = text.replace(/^\/+|\/+$/g, '');
  return isName(name) ? name : undefined;
}

/** Not trimmed further and not shown: what it holds is nobody's business, as long as a header can carry it. */
function secret(text: string): string | undefined {
  return [...text].some((character) => character < ' ' || character === '\x7f') ? undefined : text;
}
