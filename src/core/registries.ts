import { isPrivateHost } from './addresses';
import type { Timeouts, Upstream } from './config';
import type { Deliveries, Delivery } from './delivery-setting';
import type { RegistryEntry } from './registry-entry';
import { DEFAULT_PORT, hostOf, parseUrl, type Url } from './url';

interface KnownRegistry {
  readonly url: string;
  /** Other names of the same registry. */
  readonly aliases?: readonly string[];
  /** First label of a host name that stands for it: `ghcr.r.example.com`. */
  readonly label: string;
}

/** Registries that are known by their name alone. */
const KNOWN: Readonly<Record<string, KnownRegistry>> = {
  'docker.io': {
    url: 'https://registry-1.docker.io',
    aliases: ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'],
    label: 'docker',
  },
  'gcr.io': { url: 'https://gcr.io', label: 'gcr' },
  'ghcr.io': { url: 'https://ghcr.io', label: 'ghcr' },
  'lscr.io': { url: 'https://lscr.io', label: 'lscr' },
  'mcr.microsoft.com': { url: 'https://mcr.microsoft.com', label: 'mcr' },
  'nvcr.io': { url: 'https://nvcr.io', label: 'nvcr' },
  'public.ecr.aws': { url: 'https://public.ecr.aws', label: 'ecr' },
  'quay.io': { url: 'https://quay.io', label: 'quay' },
  'registry.gitlab.com': { url: 'https://registry.gitlab.com', label: 'gitlab' },
  'registry.k8s.io': { url: 'https://registry.k8s.io', aliases: ['k8s.gcr.io'], label: 'k8s' },
  'registry.rancher.com': { url: 'https://registry.rancher.com', label: 'rancher' },
};

/** The name under which a host is known, which for Docker Hub is another one than the host that answers. */
export function registryName(host: string): string {
  return Object.keys(KNOWN).find((name) => name === host || KNOWN[name].aliases?.includes(host)) ?? host;
}

/** Labels that are words of their own: many a host has them for other reasons. */
const WORDS = ['docker', 'gitlab', 'rancher'];

/** The registry that a first label can only mean; undefined for a label that may be anything. */
export function registryOfLabel(label: string): string | undefined {
  return WORDS.includes(label) ? undefined : Object.keys(KNOWN).find((name) => KNOWN[name].label === label);
}

/** What holds for every registry where its own entry says nothing else. */
export interface Common {
  readonly proxyRedirect: boolean;
  readonly handleRedirect: boolean;
  readonly deliveries: Deliveries;
  readonly allowPrivate?: boolean;
  /** Clients can be left to authenticate by themselves. */
  readonly isRelayed: boolean;
  readonly timeouts: Timeouts;
}

/** A registry that may be called; where an entry gives no address, where it is known to be. */
export function describeUpstream(entry: RegistryEntry, common: Common): Upstream {
  const { name, accounts = [], redirect } = entry;
  const known = KNOWN[name];
  const url = entry.url ?? (parseUrl(known?.url ?? `https://${name.replaceAll('*', '_')}`) as Url);
  const base = { ...url, path: url.path === '/' ? '' : url.path };
  const isHosted = KNOWN[registryName(hostOf(base))];
  const hosted = isHosted && base.port === DEFAULT_PORT.https ? parseUrl(isHosted.url) : undefined;
  const allowPrivate = entry.allowPrivate ?? common.allowPrivate ?? isPrivateHost(url.hostname);
  return {
    name,
    aliases: known ? [name, ...(known.aliases ?? [])] : [],
    label: entry.label ?? known?.label,
    ...(entry.tokenServer && { tokenServer: entry.tokenServer }),
    hosts: entry.hosts ?? [],
    url: hosted ? { ...base, hostname: hosted.hostname } : base,
    reach: allowPrivate ? 'any' : 'public',
    auth: entry.auth ?? (common.isRelayed && accounts.length === 0 ? 'relay' : 'proxy'),
    accounts,
    prefix: entry.prefix ?? '',
    proxyRedirect: redirect === undefined ? common.proxyRedirect : redirect === 'rewrite',
    mirror: entry.mirror ?? (known !== undefined && !isHosted),
    handleRedirect: redirect === undefined ? common.handleRedirect : redirect === 'follow',
    delivery: entry.delivery ?? deliveryOf(name, common.deliveries),
    plainHttp: entry.plainHttp ?? url.scheme === 'http',
    ...(entry.budget && { budget: entry.budget }),
    connection: { timeouts: { ...common.timeouts, ...entry.timeouts }, ...(entry.ca && { ca: entry.ca }) },
  };
}

/** By any name that the registry has. */
function deliveryOf(name: string, { all, of }: Deliveries): Delivery {
  const known = Object.keys(of).find((each) => registryName(each) === name);
  return known === undefined ? all : of[known];
}
