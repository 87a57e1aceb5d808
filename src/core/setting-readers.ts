import { parseAccounts } from './account';
import { parseCache, parseConnections, parsePeriodOrOff, parseSize } from './cache-readers';
import { DELIVERY_FORM, parseDeliveries } from './delivery-setting';
import type { Given, GivenSettings } from './given';
import { readAddresses, readCount, readWords } from './guard-readers';
import { PATTERN_FORM } from './patterns';
import { parseRate } from './rate-limit';
import { parseRegistries } from './registries-setting';
import { ACCESS_FORM, parseAccess } from './rights';
import { parseAccessSecret } from './secret-path';
import type { Setting, SettingKind } from './setting';
import {
  PEM,
  parseHost,
  parseMilliseconds,
  parseOrigin,
  parseOriginOrHost,
  parsePath,
  parsePeriod,
  parsePort,
  parseRegistryName,
  parseRepository,
  parseSecret,
  parseTrustProxy,
  parseUrlOrHost,
  readBoolean,
} from './setting-values';
import { type SettingName, settings } from './settings';
import { parseFields, parseLabel, parseRatio, parseSearch, parseToken } from './sight-readers';
import { parseTagLifetimes, TAG_LIFETIMES_FORM } from './tag-lifetimes';

const PERIOD_FORM = 'a duration: 30s, 12h, 7d, 1d12h, or seconds without a unit';

/** How each kind of setting is read, and what to tell people who wrote something else. */
const readers = {
  'access-secret': {
    parse: parseAccessSecret,
    expected: '16 to 63 lower-case letters and digits, with single dashes between',
  },
  access: { parse: parseAccess, expected: ACCESS_FORM },
  accounts: { parse: parseAccounts, expected: 'a list of user:token pairs, with commas or spaces between' },
  'address-list': {
    parse: parseTrustProxy,
    expected: 'true, false or a list of addresses, CIDR ranges, loopback, linklocal, private',
  },
  addresses: {
    parse: readAddresses,
    expected: 'a list of addresses, CIDR ranges, loopback, linklocal, private',
  },
  boolean: { parse: readBoolean, expected: 'true or false' },
  cache: { parse: parseCache, expected: 'none, memory, disk:/folder, s3://bucket/prefix or r2' },
  choice: { parse: (text: string) => text.toLowerCase(), expected: '' },
  connections: { parse: parseConnections, expected: 'a whole number from 1 to 64' },
  count: { parse: readCount, expected: 'a whole number from 1' },
  deliveries: { parse: parseDeliveries, expected: DELIVERY_FORM },
  duration: { parse: parseMilliseconds, expected: 'a duration: 20s, 500ms, 5m, or seconds without a unit' },
  fields: { parse: parseFields, expected: 'header fields: name=value,name=value, values percent-encoded' },
  folder: { parse: parsePath, expected: 'the path of a folder' },
  host: { parse: parseHost, expected: 'an address or a host name' },
  htpasswd: { parse: (text: string) => text.split(/[\s,]+/).join('\n'), expected: '' },
  images: { parse: readWords, expected: PATTERN_FORM },
  label: { parse: parseLabel, expected: 'at most 200 characters, and no control characters' },
  name: {
    parse: parseRegistryName,
    expected: 'the name of a registry, for example docker.io or registry.example.com:5000',
  },
  origin: { parse: parseOrigin, expected: 'https://host[:port] or http://host[:port], without a path' },
  'origin-or-host': {
    parse: parseOriginOrHost,
    expected: 'an http(s) URL or a host name without path, credentials or query',
  },
  path: { parse: parsePath, expected: 'the path of a file' },
  period: { parse: parsePeriod, expected: PERIOD_FORM },
  'period-or-off': { parse: parsePeriodOrOff, expected: `off, or ${PERIOD_FORM}` },
  port: { parse: parsePort, expected: 'a whole number from 0 to 65535' },
  presence: { parse: () => true, expected: '' },
  rate: { parse: parseRate, expected: 'a rate: 20/s, 600/m, 10000/h, or 20/s burst 100' },
  ratio: { parse: parseRatio, expected: 'a number from 0 to 1' },
  registries: {
    parse: parseRegistries,
    expected:
      'a list of registry names, or name=URL pairs, with commas between; or JSON; or the path of a .json or .yaml file',
  },
  repository: {
    parse: parseRepository,
    expected: 'a repository path: lower-case letters, digits, separators and slashes',
  },
  search: { parse: parseSearch, expected: 'auto, none, or an http(s) URL without credentials, query or fragment' },
  secret: { parse: parseSecret, expected: 'text without control characters' },
  size: { parse: parseSize, expected: 'bytes: 256m, 10g, 1.5t, or a number without a unit' },
  'tag-lifetimes': { parse: parseTagLifetimes, expected: TAG_LIFETIMES_FORM },
  token: { parse: parseToken, expected: 'at least 16 letters, digits and -._~+/' },
  'url-or-host': {
    parse: parseUrlOrHost,
    expected: 'an http(s) URL or a host name without credentials, query or fragment',
  },
} satisfies Record<SettingKind, { parse: (text: string) => unknown; expected: string }>;

type KindOf<Name extends SettingName> = Extract<(typeof settings)[number], { name: Name }>['kind'];
type ValueOf<Name extends SettingName> = Exclude<ReturnType<(typeof readers)[KindOf<Name>]['parse']>, undefined>;

const table = new Map<string, Setting>(settings.map((setting) => [setting.name, setting]));

export type SettingReader = <Name extends SettingName>(name: Name) => ValueOf<Name> | undefined;

/**
 * Reads settings by name out of what was given; every fault is added to `faults`, under the name that the user wrote.
 * Empty counts as not set: `PUBLIC_URL=` in an .env file is how people switch a setting off.
 */
export function settingReader(given: GivenSettings, faults: string[]): SettingReader {
  return <Name extends SettingName>(name: Name) => {
    const setting = table.get(name) as Setting;
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
  // A document of registries holds logins.
  if (/^\s*[[{]/.test(text)) return text.trim().startsWith('[') ? '[***]' : '{***}';
  const masked = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/i, '$1***@').replace(/\?.*$/, '?***');
  return masked.replace(PEM, '$1***').replace(/\s+/g, ' ').slice(0, 200);
}
