import type { Config, Upstream } from './config';
import { RegistryError } from './errors';
import { registryOfLabel } from './registries';
import { matchesWildcard } from './registries-setting';

export function findUpstream(name: string, config: Pick<Config, 'upstreams'>): Upstream | undefined {
  const known = config.upstreams.find((upstream) => upstream.name === name || upstream.aliases.includes(name));
  const wildcard = known ? undefined : config.upstreams.find((upstream) => matchesWildcard(name, upstream.name));
  return known ?? (wildcard && { ...wildcard, name, url: { ...wildcard.url, hostname: name } });
}

/** A host that was mapped to one; and `ghcr.r.example.com` stands for ghcr.io, where that is configured beside others. */
export function upstreamOfHost(host: string, { upstreams }: Config): Upstream | undefined {
  const mapped = upstreams.find(({ hosts }) => hosts.includes(host));
  if (mapped) return mapped;
  const label = labelOf(host, upstreams);
  return label === undefined ? undefined : upstreams.find((upstream) => upstream.label === label);
}

/** The label that may say which registry is meant, where there are several. */
function labelOf(host: string, upstreams: readonly Upstream[]): string | undefined {
  const [label, ...domain] = host.split('.');
  return upstreams.length > 1 && domain.length > 1 ? label : undefined;
}

/**
 * A host that nothing stands behind, and that can only mean another registry, is not the default one's: `quay.r.example.com`
 * would give images of Docker Hub under the names of quay.io, whose row has been taken away, say.
 * @throws RegistryError 404
 */
export function checkHost(host: string, config: Config): void {
  const label = labelOf(host, config.upstreams);
  const name = label === undefined ? undefined : registryOfLabel(label);
  if (name !== undefined && !findUpstream(name, config)) throw unknownRegistry(name, config);
}

/** Mirrors with a path of their own (BuildKit, `override_path`) put the registry's name into the path and into `ns`. */
export function ownName(name: readonly string[], upstream: Upstream): { upstream: Upstream; name: string } {
  const [first, ...others] = name;
  const isNamed = others.length > 0 && (upstream.name === first || upstream.aliases.includes(first));
  return { upstream, name: (isNamed ? others : name).join('/') };
}

/** A first component may be a configured registry; where the default is Docker Hub, another one's host is an error. */
export function upstreamOfName(name: readonly string[], config: Config): { upstream: Upstream; name: string } {
  const [first, ...others] = name;
  const named = others.length > 0 ? findUpstream(first.toLowerCase(), config) : undefined;
  if (named) return { upstream: named, name: others.join('/') };
  const upstream = config.upstreams[0];
  if (others.length > 0 && upstream.name === 'docker.io' && /[.:]/.test(first)) throw unknownRegistry(first, config);
  return { upstream, name: name.join('/') };
}

/**
 * Answering for a registry that we are not would hand out somebody else's image under its name. Behind a gate nobody has
 * said yet who asks, and which registries there are is none of a stranger's business.
 */
export function unknownRegistry(name: string, config: Config): RegistryError {
  const known = config.gate ? undefined : config.upstreams.map((upstream) => upstream.name);
  const only = known ? `, only ${known.join(', ')}` : '';
  return new RegistryError(404, 'NAME_UNKNOWN', `this proxy does not serve ${name.slice(0, 255)}${only}`, {
    registry: name.slice(0, 255),
    ...(known && { known }),
    hint: 'if the backend is a mirror of it, set REGISTRY_NAME',
  });
}
