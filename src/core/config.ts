import type { Account } from './account';
import type { CacheConfig } from './cache-config';
import { type Capabilities, capabilities, detectPlatform, type Platform, SMALL_BODY_BYTES } from './capabilities';
import { type Files, noFiles } from './files';
import { type Gate, readGate } from './gate';
import { type Env, type GivenSettings, givenSettings, spelt } from './given';
import { type Guards, guardFaults, readAccess, readGuards } from './guards';
import { readCache } from './read-cache';
import { type Reading, readUpstreams } from './read-upstreams';
import { settingReader } from './setting-readers';
import type { Origin, TrustProxy } from './setting-values';
import type { Url } from './url';
import type { Reach } from './verbs';

/** A registry that we may call. */
export interface Upstream {
  /** What `?ns=` and path prefixes say. */
  readonly name: string;
  /** Other names of the same registry. */
  readonly aliases: readonly string[];
  /** Its base: `path` has no trailing slash and may be empty. */
  readonly url: Url;
  readonly reach: Reach;
  /** First label of a host name that stands for it. */
  readonly label?: string;
  /** Whole host names that stand for it. */
  readonly hosts: readonly string[];
  /** `relay`: the client's own login and tokens; `proxy`: tokens and logins of the proxy's own. */
  readonly auth: 'relay' | 'proxy';
  /** By whose right the proxy asks, with `auth` `proxy`; empty for nobody's. */
  readonly accounts: readonly Account[];
  /** Stands before every repository upstream, and clients never see it; empty for none. */
  readonly prefix: string;
  /** Its address is that of a mirror, which is told by `ns` what it stands for (OCI distribution spec, "Registry Proxying"). */
  readonly mirror: boolean;
  readonly proxyRedirect: boolean;
  readonly handleRedirect: boolean;
  /** Its redirects and its token server may be plain http. */
  readonly plainHttp: boolean;
  readonly connection: Connection;
}

/** How a registry, its token server and its storage are reached. */
export interface Connection {
  readonly timeouts: Timeouts;
  /** Certificates that are trusted besides the usual ones, in PEM form. */
  readonly ca?: string;
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

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** HTTP/2 is offered beside HTTP/1.1. */
  readonly http2: boolean;
}

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Present where https is served. */
  readonly tls?: TlsFiles;
  /** The first one is the default. */
  readonly upstreams: readonly [Upstream, ...Upstream[]];
  readonly backendHost: Url;
  /** Browsers are sent to the registry's own pages, where `REPO_PREFIX` makes this a domain of somebody's own. */
  readonly browserRedirects: boolean;
  readonly publicUrl?: Origin;
  readonly trustProxy: TrustProxy;
  /** Present where not everybody is let in. */
  readonly gate?: Gate;
  readonly guards: Guards;
  /** Present where what was pulled is kept. */
  readonly cache?: CacheConfig;
  /** Over which one blob is fetched at most. */
  readonly downloadConnections: number;
  readonly platform: Platform;
  readonly capabilities: Capabilities;
  /** Bytes of a client's body at most. */
  readonly maxRequestBody: number;
  /** Requests of our own that one of a client's may lead to. */
  readonly maxSubrequests: number;
  /** Blob bodies of more bytes than this are sent chunked. */
  readonly chunkedAbove: number;
  readonly timeouts: Timeouts;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly logFormat: 'auto' | 'json' | 'text';
  /** What was set in vain, one line each: said when the service starts. */
  readonly notes: readonly string[];
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

/**
 * Reads the whole configuration.
 * @param argv command line arguments, which win over the environment
 * @param file what .env says, which the environment wins over, and which wins over the file that `CONFIG_FILE` names
 * @param files reads what settings name
 * @throws ConfigError with every fault
 */
export function readConfig(env: Env, argv: readonly string[] = [], file: Env = {}, files: Files = noFiles): Config {
  const faults: string[] = [];
  const notes: string[] = [];
  const given = givenSettings({ argv, env, file, files }, faults, notes);
  const read = settingReader(given, faults);
  // What stands in it has been read already; here its names are held against each other.
  read('CONFIG_FILE');

  const choice = read('PLATFORM') as Platform | 'auto' | undefined;
  const platform = choice === undefined || choice === 'auto' ? detectPlatform({ ...file, ...env }) : choice;
  const timeouts = {
    connect: read('CONNECT_TIMEOUT') ?? 0,
    response: read('RESPONSE_TIMEOUT') ?? 0,
    retry: read('RETRY_TIMEOUT') ?? 0,
    stall: read('STALL_TIMEOUT') ?? 0,
    client: read('CLIENT_TIMEOUT') ?? 0,
    shutdown: read('SHUTDOWN_TIMEOUT') ?? 0,
  };
  const around = {
    env: { ...file, ...env },
    readFile: (path: string) => files.text(path),
    isRoleless: capabilities[platform]?.roles === false,
  };
  const reading: Reading = {
    read,
    given,
    around,
    document: (path) => files.document(path),
    capabilities: capabilities[platform],
    faults,
    notes,
  };
  const guards = readGuards(read, faults);
  const gate = readGate(reading, readAccess(read, faults));
  const upstreams = readUpstreams(reading, { timeouts, gate, guards });
  const cache = readCache(reading, upstreams);
  // What has a fault is read as something or other here; it is thrown away with the rest below.
  const config: Config = {
    host: read('HOST') as string,
    port: read('PORT') as number,
    tls: readTls(reading, capabilities[platform]),
    upstreams,
    backendHost: read('DEFAULT_BACKEND_HOST') ?? { ...upstreams[0].url, path: '' },
    browserRedirects: upstreams[0].prefix !== '' && !read('DISABLE_BROWSER_REDIRECTS'),
    publicUrl: read('PUBLIC_URL'),
    ...(gate && { gate }),
    trustProxy: read('TRUST_PROXY') ?? assumedTrust(capabilities[platform]),
    guards,
    ...(cache && { cache }),
    downloadConnections: read('DOWNLOAD_CONNECTIONS') as number,
    platform,
    capabilities: capabilities[platform],
    maxRequestBody: read('MAX_REQUEST_BODY') ?? capabilities[platform]?.maxRequestBody,
    maxSubrequests: read('MAX_SUBREQUESTS') ?? capabilities[platform]?.maxSubrequests,
    chunkedAbove: isChunked(read('BODY_FRAMING'), platform) ? SMALL_BODY_BYTES : Number.POSITIVE_INFINITY,
    timeouts,
    logLevel: read('LOG_LEVEL') as Config['logLevel'],
    logFormat: read('LOG_FORMAT') as Config['logFormat'],
    notes,
  };
  faults.push(...idleFaults(given, timeouts), ...guardFaults(config), ...framingFaults(config));
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.freeze(config);
}

/** Without these limits a dead upstream would hold a pull for ever. */
function idleFaults(given: GivenSettings, { connect, response, stall }: Timeouts): string[] {
  const limits = { CONNECT_TIMEOUT: connect, RESPONSE_TIMEOUT: response, STALL_TIMEOUT: stall };
  return Object.entries(limits)
    .flatMap(([name, limit]) => (limit === 0 ? (given[name as keyof typeof limits] ?? []) : []))
    .filter(({ text }) => /^0/.test(text))
    .map(({ as, text }) => `${as}=${text}: must be more than 0, or a dead upstream would hold a pull for ever`);
}

function readTls({ read, given, faults }: Reading, platform: Capabilities | undefined): TlsFiles | undefined {
  const before = faults.length;
  const [cert, key] = [read('TLS_CERT'), read('TLS_KEY')];
  if (faults.length > before || (cert ?? key) === undefined) return undefined;
  if (platform?.gatewayIsPeer) faults.push("TLS_CERT, TLS_KEY: the platform's gateway ends TLS, and asks for http");
  if (cert !== undefined && key !== undefined) return { cert, key, http2: read('HTTP2') as boolean };
  const [present, absent] =
    cert === undefined ? (['TLS_KEY', 'TLS_CERT'] as const) : (['TLS_CERT', 'TLS_KEY'] as const);
  faults.push(`${spelt(present, given)}=${cert ?? key}: needs ${absent} as well; set both to serve https, or neither`);
  return undefined;
}

function framingFaults({ chunkedAbove, capabilities }: Config): string[] {
  if (!Number.isFinite(chunkedAbove) || capabilities?.breaksChunks !== false) return [];
  return ['BODY_FRAMING=chunked: without a length a body that broke off would look whole here; leave it out'];
}

function isChunked(framing: string | undefined, platform: Platform): boolean {
  return framing === 'auto' ? Boolean(capabilities[platform]?.streamsOnlyChunked) : framing === 'chunked';
}

function assumedTrust(platform: Capabilities): TrustProxy {
  if (platform.gatewayIsPeer) return { peers: 'all', explicit: false };
  return { peers: ['loopback', 'linklocal', 'private'], explicit: false };
}
