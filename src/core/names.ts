import type { Config, Upstream } from './config';
import { completeName } from './reference';
import { withoutSecret } from './secret-path';
import { findUpstream } from './upstreams';

/** A repository as the upstream knows it: `REPO_PREFIX` before it, then `library/` where Docker Hub wants one. */
export function nameUpstream(name: string, { prefix, name: registry }: Upstream): string {
  return completeName(prefix === '' ? name : `${prefix}/${name}`, registry);
}

/** The same for a name in a scope or a mount, where clients may have put the registry's name before it. */
export function nameInScope(text: string, upstream: Upstream, config: Config): string {
  const name = withoutSecret(text.split('/'), config);
  const [first, ...others] = name;
  const isNamed = others.length > 0 && findUpstream(first.toLowerCase(), config)?.name === upstream.name;
  return nameUpstream((isNamed ? others : name).join('/'), upstream);
}

/** A repository of the upstream as clients know it; undefined for one that the prefix hides. */
export function nameForClients(name: string, { prefix }: Upstream): string | undefined {
  if (prefix === '') return name;
  return name.startsWith(`${prefix}/`) ? name.slice(prefix.length + 1) : undefined;
}
