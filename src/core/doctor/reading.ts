import { printBytes } from '../bytes-text';
import type { Config } from '../config';
import { type Way, wayOf } from '../delivery';
import { RegistryError } from '../errors';
import type { ImageName } from '../image-name';
import { checkImage } from '../image-rules';
import type { Place } from '../location';
import { printQuery } from '../query';
import { redactPlace } from '../redact';
import { type Route, routeOf } from '../route';
import type { Origin } from '../setting-values';
import { findUpstream, upstreamOfHost } from '../upstreams';
import { isSameOrigin } from '../url';
import { remedyFor } from './answers';
import type { Evidence } from './evidence';
import { type Finding, findingsOf } from './finding';

/** How an instance reads the name of an image, and what it does with it. Nothing in it is secret. */
export interface Reading {
  readonly registry: string;
  /** As the registry has it. */
  readonly repository: string;
  readonly reference: string;
  /** What decided which registry is meant. */
  readonly rule: 'ns' | 'host' | 'path' | 'default';
  /** Origin of the registry; what its path is may be a secret. */
  readonly address: string;
  /** Who authenticates there, and by what kind of account. */
  readonly auth: string;
  readonly redirect: 'follow' | 'rewrite' | 'pass';
}

/** What becomes of the name of an image: a place among registries, or an error as a client would get it. */
export type Read = { readonly place: Place; readonly reading: Reading } | { readonly refused: RegistryError };

/** @param config without what keeps clients out: whoever asks has shown that it is theirs */
export function readName({ repository, reference, registry }: ImageName, config: Config, origin: Origin): Read {
  const query = registry === undefined ? '' : printQuery([['ns', registry]]);
  try {
    const route = routeOf(`/v2/${repository}/manifests/${reference}${query}`, config, origin.hostname);
    checkImage(route, config);
    return { place: { config, route, origin }, reading: readingOf(route, config, origin) };
  } catch (error) {
    if (error instanceof RegistryError) return { refused: error };
    throw error;
  }
}

function readingOf(route: Route, config: Config, origin: Origin): Reading {
  const { upstream, repository, reference } = route;
  const { name, url, handleRedirect, proxyRedirect } = upstream;
  return {
    registry: name,
    repository,
    reference,
    rule: ruleOf(route, config, origin),
    address: redactPlace(url),
    auth: authOf(route),
    redirect: handleRedirect ? 'follow' : proxyRedirect ? 'rewrite' : 'pass',
  };
}

function ruleOf({ namespace, typed }: Route, config: Config, { hostname }: Origin): Reading['rule'] {
  if (namespace !== undefined) return 'ns';
  if (upstreamOfHost(hostname, config)) return 'host';
  const [first = '', ...others] = typed.split('/');
  return others.length > 0 && findUpstream(first.toLowerCase(), config) ? 'path' : 'default';
}

function authOf({ upstream }: Route): string {
  if (upstream.auth === 'relay') return 'auth: relay';
  const kinds = [...new Set(upstream.accounts.map(({ kind }) => kind))];
  return `auth: proxy (${kinds.length > 0 ? kinds.join(', ') : 'anonymous'})`;
}

/** In words. */
export function tellName(read: Read, image: string): readonly Finding[] {
  const { good, bad } = findingsOf('reads');
  if ('refused' in read) {
    const { status, message } = read.refused;
    return [bad('reads.refused', { status, message }, remedyFor(status, { isOurs: true }))];
  }
  const { registry, repository, reference, rule, address, auth, redirect } = read.reading;
  return [
    good('reads.as', { image, registry, repository, reference, rule }),
    good('reads.upstream', { address, auth, redirect }),
  ];
}

/** How the layer that was looked at would come to a client as a whole; undefined where none was. */
export function deliveryOf(place: Place, { layer }: Evidence): Way | 'redirect' | undefined {
  if (!layer) return undefined;
  const [first, second] = layer.hops;
  if (first && second && !isSameOrigin(first.url, second.url)) return 'redirect';
  const isElsewhere = first?.hops?.some(({ purpose }) => purpose === 'hop') ?? false;
  const route = { ...place.route, kind: 'blob' } as const;
  return wayOf({ size: layer.size, isElsewhere, isKeepable: place.config.cache !== undefined }, { ...place, route });
}

export function tellDelivery(place: Place, evidence: Evidence): readonly Finding[] {
  const way = deliveryOf(place, evidence);
  if (way === undefined) return [];
  const { good, bad } = findingsOf('reads');
  const values = { way, size: printBytes(evidence.layer?.size ?? 0) };
  return [way === 'none' ? bad('reads.delivery', values, 'set.deliver') : good('reads.delivery', values)];
}
