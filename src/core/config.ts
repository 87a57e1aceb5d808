import type { Account } from './account';
import { type Admin, readAdmin } from './admin';
import { framingFaults, type Limits, readLimits } from './body-limits';
import { type Budget, type Budgets, readBudgets } from './budgets';
import type { CacheConfig } from './cache-config';
import { type Capabilities, capabilities, detectPlatform, type Platform } from './capabilities';
import { ConfigError } from './config-error';
import { deliveryFaults } from './delivery';
import type { Delivery } from './delivery-setting';
import { type Files, noFiles } from './files';
import { type Gate, readGate } from './gate';
import { type Env, givenSettings, type Sources } from './given';
import { type Guards, guardFaults, readAccess, readGuards } from './guards';
import { readCache } from './read-cache';
import { readRegistries } from './read-registries';
import { idleFaults, readTimeouts } from './read-timeouts';
import { readTls } from './read-tls';
import { readUpstreams } from './read-upstreams';
import type { RegistryEntry } from './registry-entry';
import type { Row, RowState } from './registry-rows';
import { settingReader } from './setting-readers';
import type { Origin, TrustProxy } from './setting-values';
import { readSight, type Sight } from './sight';
import { type ReadConfig, readWithRows } from './sound-rows';
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
  /** Where its tokens come from, whatever its challenges name: the operator has said so, and logins may go there. */
  readonly tokenServer?: Url;
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
  readonly delivery: Delivery;
  /** Its redirects and its token server may be plain http. */
  readonly plainHttp: boolean;
  /** Of its own, in place of the common one. */
  readonly budget?: Budget;
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

export interface Config extends Limits, Sight {
  readonly host: string;
  readonly port: number;
  /** Present where https is served. */
  readonly tls?: TlsFiles;
  /** The first one is the default. */
  readonly upstreams: readonly [Upstream, ...Upstream[]];
  /** What has become of each row that there is, those that are left out among them. */
  readonly rows: readonly RowState[];
  readonly backendHost: Url;
  /** Browsers are sent to the registry's own pages, where `REPO_PREFIX` makes this a domain of somebody's own. */
  readonly browserRedirects: boolean;
  readonly publicUrl?: Origin;
  readonly trustProxy: TrustProxy;
  /** Present where rows may be changed while the service runs. */
  readonly admin?: Admin;
  /** Present where not everybody is let in. */
  readonly gate?: Gate;
  readonly guards: Guards;
  /** Present where a day's pulls have a limit. */
  readonly budgets?: Budgets;
  /** Present where what was pulled is kept. */
  readonly cache?: CacheConfig;
  /** Over which one blob is fetched at most. */
  readonly downloadConnections: number;
  readonly platform: Platform;
  readonly capabilities: Capabilities;
  readonly timeouts: Timeouts;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly logFormat: 'auto' | 'json' | 'text';
  /** What was set in vain, one line each: said when the service starts. */
  readonly notes: readonly string[];
}

/**
 * Reads the whole configuration. A row with a fault is left out, which its notes and `rows` say.
 * @param argv command line arguments, which win over the environment
 * @param file what .env says, which the environment wins over, and which wins over the file that `CONFIG_FILE` names
 * @param files reads what settings name
 * @param rows registries out of a key-value store; where absent, those of the document that `REGISTRIES` is
 * @throws ConfigError with every fault
 */
export function readConfig(
  env: Env,
  argv: readonly string[] = [],
  file: Env = {},
  files: Files = noFiles,
  rows?: readonly Row[],
): Config {
  const sources = { argv, env, file, files, hasStore: rows !== undefined };
  const read = (entries: readonly RegistryEntry[]) => readAll(sources, entries);
  const plain = rows?.length ? undefined : read([]);
  const given = rows ?? plain?.rows ?? [];
  const { config, faults } = plain && given.length === 0 ? plain : readWithRows(given, { ...file, ...env }, read);
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.freeze(config);
}

/** @property hasStore rows come from elsewhere than `REGISTRIES` */
type Whole = Required<Sources> & { readonly hasStore: boolean };

/** @param entries rows that are taken */
function readAll({ argv, env, file, files, hasStore }: Whole, entries: readonly RegistryEntry[]): ReadConfig {
  const faults: string[] = [];
  const notes: string[] = [];
  const given = givenSettings({ argv, env, file, files }, faults, notes);
  const read = settingReader(given, faults);
  // What stands in it has been read already; here its names are held against each other.
  read('CONFIG_FILE');

  const choice = read('PLATFORM') as Platform | 'auto' | undefined;
  const platform = choice === undefined || choice === 'auto' ? detectPlatform({ ...file, ...env }) : choice;
  const timeouts = readTimeouts(read);
  const around = {
    env: { ...file, ...env },
    readFile: (path: string) => files.text(path),
    isRoleless: capabilities[platform]?.roles === false,
  };
  const reading = {
    read,
    given,
    around,
    document: (path: string) => files.document(path),
    capabilities: capabilities[platform],
    faults,
    notes,
  };
  const registries = readRegistries(reading);
  const guards = readGuards(read, faults);
  const gate = readGate(reading, readAccess(read, faults));
  const upstreams = readUpstreams(reading, { timeouts, gate, guards }, { ...registries, rows: entries });
  const cache = readCache(reading, upstreams);
  const admin = readAdmin(reading, capabilities[platform], hasStore);
  const budgets = readBudgets(read, faults, upstreams);
  const browserRedirects = upstreams[0].prefix !== '' && !read('DISABLE_BROWSER_REDIRECTS');
  // What has a fault is read as something or other here; it is thrown away with the rest below.
  const config: Config = {
    host: read('HOST') as string,
    port: read('PORT') as number,
    tls: readTls(reading, capabilities[platform]),
    upstreams,
    rows: [],
    backendHost: read('DEFAULT_BACKEND_HOST') ?? { ...upstreams[0].url, path: '' },
    browserRedirects,
    ...readSight(reading, upstreams, admin, !browserRedirects),
    publicUrl: read('PUBLIC_URL'),
    ...(admin && { admin }),
    ...(gate && { gate }),
    trustProxy: read('TRUST_PROXY') ?? assumedTrust(capabilities[platform]),
    guards,
    ...(budgets && { budgets }),
    ...(cache && { cache }),
    downloadConnections: read('DOWNLOAD_CONNECTIONS') as number,
    platform,
    capabilities: capabilities[platform],
    ...readLimits(read, capabilities[platform]),
    timeouts,
    logLevel: read('LOG_LEVEL') as Config['logLevel'],
    logFormat: read('LOG_FORMAT') as Config['logFormat'],
    notes,
  };
  faults.push(
    ...idleFaults(given, timeouts),
    ...guardFaults(config),
    ...framingFaults(config),
    ...deliveryFaults(config),
  );
  return { config, faults, rows: registries.rows };
}

function assumedTrust(platform: Capabilities): TrustProxy {
  if (platform.gatewayIsPeer) return { peers: 'all', explicit: false };
  return { peers: ['loopback', 'linklocal', 'private'], explicit: false };
}
