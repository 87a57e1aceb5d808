import { isPrivateHost } from './addresses';
import type { Credentials, Upstream } from './config';
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

/**
 * A registry that may be called.
 * @param url where it is; for a known one, where it is known to be
 * @param name what `?ns=` and path prefixes say; by default the host
 */
export function describeUpstream(
  url: Url,
  name: string | undefined,
  allowPrivate: boolean | undefined,
  auth: Upstream['auth'],
  prefix = '',
  credentials?: Credentials,
): Upstream {
  const host = registryName(hostOf(url));
  const own = registryName(name ?? host);
  const known = KNOWN[host] && parseUrl(KNOWN[host].url);
  return {
    name: own,
    aliases: KNOWN[own] ? [own, ...(KNOWN[own].aliases ?? [])] : [],
    label: KNOWN[own]?.label,
    url: known && url.port === DEFAULT_PORT.https ? { ...url, hostname: known.hostname } : url,
    reach: (allowPrivate ?? isPrivateHost(url.hostname)) ? 'any' : 'public',
    auth,
    prefix,
    ...(credentials && { credentials }),
  };
}
