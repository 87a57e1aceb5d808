import type { Upstream } from '../config';
import { completeName, isDigest } from '../reference';
import { isWildcard } from '../registries-setting';
import { findUpstream, upstreamOfHost } from '../upstreams';
import { type Address, addressOf, type GuidePlace } from './guide-address';

/** An image, as a report has it. */
export interface GuideImage {
  readonly registry: string;
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
}

/** What guides are written about. */
export interface GuideScene {
  readonly address: Address;
  /** Registries of which clients can be told that this is a mirror. */
  readonly mirrored: readonly Mirrored[];
  /** Images to pull, at least one. */
  readonly images: readonly [Named, ...Named[]];
  /** Docker asks its mirrors for images of Docker Hub without saying so. */
  readonly mirrorsDocker: boolean;
}

export interface Mirrored {
  readonly registry: string;
  /** Where clients that cannot say which registry they mean find it; absent where this host stands for another one. */
  readonly location?: string;
}

export interface Named {
  readonly repository: string;
  /** `r.example.com/ghcr.io/owner/app:1`; absent where this host stands for another registry. */
  readonly own?: string;
  /** `ghcr.io/owner/app:1`; absent where it cannot be mirrored under its own name. */
  readonly full?: string;
}

/** Registries that a guide without an image names at most. */
const MAX_REGISTRIES = 30;

/** Stand for what is not known. */
const ANY = { registry: 'REGISTRY', repository: 'REPOSITORY', reference: 'TAG' } as const;

/** @returns undefined where the image's registry is not served */
export function sceneOf(image: GuideImage | undefined, place: GuidePlace): GuideScene | undefined {
  const address = addressOf(place);
  const served = servedBy(image, place);
  const images = served.map((each) => nameImage(image ?? sampleOf(each), each, place, address));
  const [first, ...others] = images;
  if (!first) return undefined;
  const mirrored = served.filter(isMirrorable).map((each) => {
    const path = pathTo(each, place);
    return { registry: each.name, ...(path !== undefined && { location: address.mount + path }) };
  });
  const isHub = (each: Pick<Upstream, 'name'> | undefined) => each?.name === 'docker.io';
  return {
    address,
    mirrored,
    images: [first, ...others],
    mirrorsDocker: isHub(fallbackOf(place)) && served.some((each) => isHub(each) && isMirrorable(each)),
  };
}

type Served = Pick<Upstream, 'name' | 'prefix'>;

/** Behind a gate, which registries there are is none of a stranger's business. */
function servedBy(image: GuideImage | undefined, place: GuidePlace): readonly Served[] {
  const { config, origin } = place;
  if (image) {
    const upstream = findUpstream(image.registry, config);
    return upstream ? [upstream] : [];
  }
  if (!(place.showsRegistries ?? !config.gate)) return [{ name: ANY.registry, prefix: '' }];
  const hosted = upstreamOfHost(origin.hostname, config);
  const all = hosted ? [hosted] : config.upstreams.filter(({ name }) => !isWildcard(name));
  return all.slice(0, MAX_REGISTRIES);
}

/** A mirror has every image of what it mirrors, under the same name. */
function isMirrorable({ prefix }: Served): boolean {
  return prefix === '';
}

function fallbackOf({ config, origin }: GuidePlace): Upstream {
  return upstreamOfHost(origin.hostname, config) ?? config.upstreams[0];
}

/** What stands between us and a repository's name: nothing, or the registry's; undefined where it cannot be said. */
function pathTo({ name }: Served, place: GuidePlace): string | undefined {
  if (name === fallbackOf(place).name) return '';
  return upstreamOfHost(place.origin.hostname, place.config) ? undefined : `/${name}`;
}

function sampleOf({ name }: Served): GuideImage {
  const isHub = name === 'docker.io';
  return isHub ? { registry: name, repository: 'library/nginx', reference: 'latest' } : { ...ANY, registry: name };
}

function nameImage(image: GuideImage, served: Served, place: GuidePlace, { mount }: Address): Named {
  const { reference } = image;
  const repository = isMirrorable(served) ? completeName(image.repository, served.name) : image.repository;
  const rest = `/${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
  const path = pathTo(served, place);
  return {
    repository,
    ...(path !== undefined && { own: mount + path + rest }),
    ...(isMirrorable(served) && { full: served.name + rest }),
  };
}
