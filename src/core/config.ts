import { type AddressRange, isPrivateHost, parseRange } from './addresses';
import { type Capabilities, capabilities, detectPlatform, type Platform, SMALL_BODY_BYTES } from './capabilities';
import { isName } from './reference';
import { type Setting, type SettingName, settings } from './settings';
import { hostOf, parseUrl, type Url } from './url';
import type { Reach } from './verbs';

export type Env = Readonly<Record<string, string | undefined>>;

/** A registry that we may call. */
export interface Upstream {
  /** What `?ns=` and path prefixes say. */
  readonly name: string;
  /** Other names of the same registry. */
  readonly aliases: readonly string[];
  /** Its base: `path` has no trailing slash and may be empty. */
  readonly url: Url;
  readonly reach: Reach;
}

export type Origin = Pick<Url, 'scheme' | 'hostname' | 'port'>;

export interface TrustProxy {
  readonly peers: 'all' | readonly AddressRange[];
  /** Set by the operator and not assumed by us: only then X-Forwarded-For is believed too. */
  readonly explicit: boolean;
}

/** Milliseconds. */
export interface Timeouts {
  readonly connect: number;
  readonly response: number;
  readonly retry: number;
  readonly stall: number;
  readonly client: number;
  readonly shutdown: number;
}

export interface Config {
  readonly host: string;
  readonly port: number;
  /** The first one is the default. */
  readonly upstreams: readonly [Upstream, ...Upstream[]];
  readonly backendHost: Url;
  readonly proxyRedirect: boolean;
  readonly handleRedirect: boolean;
  readonly publicUrl?: Origin;
  readonly trustProxy: TrustProxy;
  readonly platform: Platform;
  readonly capabilities: Capabilities;
  /** Blob bodies of more bytes than this are sent chunked. */
  readonly chunkedAbove: number;
  readonly timeouts: Timeouts;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly logFormat: 'auto' | 'json' | 'text';
}

/** Everything that is wrong with a configuration, at once. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`configuration: ${faults.join('; ')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const HUB_HOSTS = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];

/**
 * Reads the whole configuration out of the environment.
 * @throws ConfigError with every fault
 */
export function readConfig(env: Env): Config {
  const faults: string[] = [];
  const read = reader(env, faults);

  const backend = read(
    'REGISTRY_BACKEND',
    urlOrHost,
    'an http(s) URL or a host name without credentials, query or fragment',
  );
  const storage = read(
    'DEFAULT_BACKEND_HOST',
    hostOnly,
    'an http(s) URL or a host name without path, credentials or query',
  );
  const name = read(
    'REGISTRY_NAME',
    registryName,
    'the name of a registry, for example docker.io or registry.example.com:5000',
  );
  const allowPrivate = read('ALLOW_PRIVATE_ADDRESSES', boolean, 'true or false');
  const publicUrl = read('PUBLIC_URL', origin, 'https://host[:port] or http://host[:port], without a path');
  const trust = read(
    'TRUST_PROXY',
    trustProxy,
    'true, false or a list of addresses, CIDR ranges, loopback, linklocal, private',
  );
  const choice = read('PLATFORM', choiceOf('PLATFORM'), choicesOf('PLATFORM')) as Platform | 'auto';
  const framing = read('BODY_FRAMING', choiceOf('BODY_FRAMING'), choicesOf('BODY_FRAMING'));
  const duration = (setting: SettingName) =>
    read(setting, milliseconds, 'a duration: 20s, 500ms, 5m, or seconds without a unit') ?? 0;

  const platform = choice === 'auto' ? detectPlatform(env) : choice;
  const upstream = backend && describeUpstream(backend, name, allowPrivate);
  const config = {
    host: read('HOST', (text) => (/^[^\s/]+$/.test(text) ? text : undefined), 'an address or a host name') ?? '',
    port: read('PORT', port, 'a whole number from 0 to 65535') ?? 0,
    upstreams: [upstream as Upstream] as const,
    backendHost: storage ?? { ...(backend as Url), path: '' },
    proxyRedirect: read('PROXY_REDIRECT', boolean, 'true or false') as boolean,
    handleRedirect: read('HANDLE_REDIRECT', boolean, 'true or false') as boolean,
    publicUrl,
    trustProxy: trust ?? assumedTrust(capabilities[platform] ?? capabilities.node),
    platform,
    capabilities: capabilities[platform],
    chunkedAbove: isChunked(framing, platform) ? SMALL_BODY_BYTES : Number.POSITIVE_INFINITY,
    timeouts: {
      connect: duration('CONNECT_TIMEOUT'),
      response: duration('RESPONSE_TIMEOUT'),
      retry: duration('RETRY_TIMEOUT'),
      stall: duration('STALL_TIMEOUT'),
      client: duration('CLIENT_TIMEOUT'),
      shutdown: duration('SHUTDOWN_TIMEOUT'),
    },
    logLevel: read('LOG_LEVEL', choiceOf('LOG_LEVEL'), choicesOf('LOG_LEVEL')) as Config['logLevel'],
    logFormat: read('LOG_FORMAT', choiceOf('LOG_FORMAT'), choicesOf('LOG_FORMAT')) as Config['logFormat'],
  };
  for (const setting of ['CONNECT_TIMEOUT', 'RESPONSE_TIMEOUT', 'STALL_TIMEOUT'] as const) {
    if (faults.length === 0 && duration(setting) === 0)
      faults.push(`${setting} must be more than 0: without it a dead upstream would hold a pull for ever`);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.freeze(config);
}

type Reader = <T>(name: SettingName, parse: (text: string) => T | undefined, expected: string) => T | undefined;

/** Empty counts as not set: `PUBLIC_URL=` in an .env file is how people switch a setting off. */
function reader(env: Env, faults: string[]): Reader {
  return (name, parse, expected) => {
    const text = env[name]?.trim() || (settings.find((setting) => setting.name === name)?.fallback ?? '');
    if (text === '') return undefined;
    const value = parse(text);
    if (value === undefined) faults.push(`${name}=${maskUserInfo(text)}: expected ${expected}`);
    return value;
  };
}

/** A fault is printed, and people do put passwords into URLs. */
function maskUserInfo(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//***@').slice(0, 200);
}

function describeUpstream(url: Url, name: string | undefined, allowPrivate: boolean | undefined): Upstream {
  const isHub = HUB_HOSTS.includes(url.hostname);
  const ownName = name ?? (isHub ? 'docker.io' : hostOf(url));
  return {
    name: HUB_HOSTS.includes(ownName) ? 'docker.io' : ownName,
    aliases: HUB_HOSTS.includes(ownName) ? HUB_HOSTS : [],
    url: isHub ? { ...url, hostname: 'registry-1.docker.io' } : url,
    reach: (allowPrivate ?? isPrivateHost(url.hostname)) ? 'any' : 'public',
  };
}

function isChunked(framing: string | undefined, platform: Platform): boolean {
  return framing === 'auto' ? Boolean(capabilities[platform]?.streamsOnlyChunked) : framing === 'chunked';
}

function assumedTrust(platform: Capabilities): TrustProxy {
  if (platform.gatewayIsPeer) return { peers: 'all', explicit: false };
  return { peers: ['loopback', 'linklocal', 'private'].flatMap((word) => parseRange(word) ?? []), explicit: false };
}

function trustProxy(text: string): TrustProxy | undefined {
  const flag = boolean(text);
  if (flag !== undefined && !/^[01]$/.test(text)) return { peers: flag ? 'all' : [], explicit: true };
  const ranges = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseRange);
  return ranges.includes(undefined) ? undefined : { peers: ranges.flatMap((range) => range ?? []), explicit: true };
}

function boolean(text: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  return /^(false|0|no|off)$/i.test(text) ? false : undefined;
}

function port(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1000 };

/** Timers beyond this fire at once in Node. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

function milliseconds(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|)$/i.exec(text);
  const value = match ? Number(match[1]) * UNITS[match[2].toLowerCase()] : Number.NaN;
  return value <= MAX_MILLISECONDS ? value : undefined;
}

/** A bare host means https; base paths are kept without a trailing slash or `/v2`. */
function urlOrHost(text: string): Url | undefined {
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || url.query || text.includes('#') || /%|\/\/|\/\.{1,2}(\/|$)/.test(url.path)) return undefined;
  return { ...url, path: url.path.replace(/\/+$/, '').replace(/\/v2$/, '') };
}

function hostOnly(text: string): Url | undefined {
  const url = urlOrHost(text);
  return url?.path === '' ? url : undefined;
}

function origin(text: string): Origin | undefined {
  return /^https?:\/\//i.test(text) ? hostOnly(text) : undefined;
}

function registryName(text: string): string | undefined {
  const url = parseUrl(`https://${text}/`);
  if (!url || text.includes('/')) return undefined;
  return isName(text.toLowerCase().replace(/:\d+$/, '')) ? text.toLowerCase() : undefined;
}

function find(name: SettingName): Setting {
  return settings.find((setting) => setting.name === name) as Setting;
}

function choiceOf(name: SettingName): (text: string) => string | undefined {
  return (text) => find(name).choices?.find((choice) => choice === text.toLowerCase());
}

function choicesOf(name: SettingName): string {
  return `one of ${find(name).choices?.join(', ')}`;
}
