import type { Upstream } from './config';
import { spelt } from './given';
import type { Reading } from './read-upstreams';
import type { RegistryEntry } from './registry-entry';
import type { SettingName } from './settings';
import { checkCallable } from './trust';

/** What belongs to `REGISTRY_BACKEND`, and would otherwise go to whatever registry is the default. */
const COMPANIONS = ['REGISTRY_USERNAME', 'REGISTRY_ACCOUNTS', 'AUTH_HEADER', 'REPO_PREFIX'] as const;

/**
 * What several registries say against each other, or against the settings. Were one of them heeded and the other not,
 * a name could lead to another registry than its owner believes, and a login with it.
 * @param entries of `REGISTRIES`, by their first names
 * @param backend the name that `REGISTRY_BACKEND` has
 */
export function registryConflicts(
  entries: readonly RegistryEntry[],
  upstreams: readonly Upstream[],
  backend: string,
  { given }: Pick<Reading, 'given'>,
): string[] {
  const as = (name: SettingName) => spelt(name, given);
  const isGiven = (name: SettingName) => (given[name]?.length ?? 0) > 0;
  const marked = entries.filter(({ isDefault }) => isDefault).map(({ name }) => name);
  const [other] = marked.filter((name) => name !== backend);
  const companions = other === undefined ? [] : COMPANIONS.filter(isGiven);
  const hosts = upstreams.flatMap((upstream) => upstream.hosts);
  const rows = entries.filter(({ row }) => row !== undefined);
  const holdsLogin = (name: string) => entries.some((entry) => entry.name === name && entry.accounts);
  return [
    ...repeated(entries.map(({ name }) => name)).map((name) => {
      const keys = rows.filter((each) => each.name === name).map(({ row }) => row);
      return keys.length > 1 ? `rows ${keys.join(' and ')} are both of ${name}` : `REGISTRIES names ${name} twice`;
    }),
    ...repeated(entries.flatMap(({ label }) => label ?? [])).map((label) => `two registries have the label ${label}`),
    ...upstreams.flatMap(tokenServerFaults),
    ...repeated(hosts).map((host) => `REGISTRIES: two registries have the host ${host}`),
    ...(marked.length > 1 ? [`REGISTRIES: ${marked.join(' and ')} are both the default`] : []),
    ...(other !== undefined && isGiven('REGISTRY_BACKEND')
      ? [`${as('REGISTRY_BACKEND')} and REGISTRIES have two defaults, ${backend} and ${other}: keep one of them`]
      : companions.map((name) => `${as(name)} is for ${backend}, and ${other} is the default: write it there`)),
    ...upstreams
      // Where the entry itself holds the login, reading it has said so.
      .filter(({ name, auth, accounts }) => auth === 'relay' && accounts.length > 0 && !holdsLogin(name))
      .map(({ name }) => `${name}.auth: relay leaves the login to clients; take it or the login out`),
    ...(hosts.length > 0 && isGiven('PUBLIC_URL')
      ? [`PUBLIC_URL: no other host is looked at then, and ${hosts[0]} would lead to ${upstreams[0].name}`]
      : []),
  ];
}

function tokenServerFaults(upstream: Upstream): string[] {
  try {
    if (upstream.tokenServer) checkCallable(upstream.tokenServer, upstream, 'it');
    return [];
  } catch (error) {
    return [`${upstream.name}.tokenServer: ${(error as Error).message}`];
  }
}

function repeated(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return [...new Set(names.filter((name) => seen.size === seen.add(name).size))];
}
