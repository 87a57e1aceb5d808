import { readName } from '../doctor/reading';
import { RegistryError } from '../errors';
import { IMAGE_FORM, type ImageName, parseImageName } from '../image-name';
import type { Place } from '../location';
import { nameForClients } from '../names';
import { printQuery } from '../query';
import { isDigest } from '../reference';
import { unlock, withoutSecret } from '../secret-path';
import { findUpstream } from '../upstreams';
import { hostOf } from '../url';
import type { GuidePlace } from './guide-address';
import type { GuideImage } from './guide-names';

/** An image that somebody wants to look at, and where it is asked for. */
export interface Wanted extends GuideImage {
  /** As clients write it behind our host, without the secret. */
  readonly image: string;
  readonly place: Place;
  /** Path below which the visitor knows us; empty, or the secret. */
  readonly mount: string;
  /** `/v2/…` of the repository, with a slash at its end. */
  readonly path: string;
  /** Says which registry is meant, where the path does not. */
  readonly query: string;
}

/**
 * Reads an image's name as clients have it: docker's, `ghcr.io/owner/app`, or with our own host in front of it.
 * @param target of the visitor's own request, which may show the secret
 * @throws RegistryError 400, 403, 404 as a pull by that name would get it
 */
export function readWanted(text: string, target: string, { config, origin }: GuidePlace): Wanted {
  const trimmed = text.trim().replace(/^https?:\/\//i, '');
  const own = `${hostOf(origin)}/`;
  const bare = trimmed.toLowerCase().startsWith(own) ? trimmed.slice(own.length) : trimmed;
  const unlocked = withoutSecret(bare.split('/'), config).join('/');
  const parsed = parseImageName(unlocked);
  if (!parsed) throw new RegistryError(400, 'NAME_INVALID', `expected ${IMAGE_FORM}`);
  const image = isServed(parsed) ? parsed : asTyped(parsed);
  const read = readName(image, config, origin);
  if ('refused' in read) throw read.refused;
  const { route } = read.place;
  const { mount } = unlock(target, origin.hostname, config.gate?.secret);
  const shown = unlocked === bare ? mount : `/${config.gate?.secret}`;
  const repository = nameForClients(route.repository, route.upstream) ?? route.repository;
  const registry = route.upstream.name;
  return {
    image: printName({ registry, repository, reference: image.reference }, config.upstreams[0].name),
    registry,
    repository,
    reference: image.reference,
    place: read.place,
    mount: shown,
    path: `${shown}/v2/${image.repository}/`,
    query: image.registry === undefined ? '' : printQuery([['ns', image.registry]]),
  };

  function isServed({ registry }: ImageName): boolean {
    return registry !== undefined && findUpstream(registry, config) !== undefined;
  }
}

/** What looks like a registry may be the first part of a repository's name; whether it is, the path decides. */
function asTyped({ text, reference }: ImageName): ImageName {
  const [name = ''] = text.split('@');
  return { text, repository: name.replace(/:[^/:]*$/, ''), reference };
}

function printName({ registry, repository, reference }: GuideImage, fallback: string): string {
  const isHub = registry === 'docker.io';
  const short = isHub ? repository.replace(/^library\/(?!.*\/)/, '') : repository;
  const name = registry === fallback ? short : `${registry}/${repository}`;
  return `${name}${isDigest(reference) ? '@' : ':'}${reference}`;
}
