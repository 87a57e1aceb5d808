import type { Config } from './config';
import { RegistryError } from './errors';
import { nameForClients } from './names';
import { matches, type Pattern } from './patterns';
import { valuesOf } from './query';
import { completeName, isName } from './reference';
import { registryName } from './registries';
import type { Route } from './route';
import { lenientPath } from './url';

/** An image as clients know it. */
export interface Image {
  readonly registry: string;
  readonly repository: string;
}

/** Registries named inside a repository's name, one behind the other, that are looked into. */
export const MAX_NESTING = 3;

/**
 * Holds a request against `ALLOW_IMAGES` and `DENY_IMAGES`. What is checked are the parts that go upstream, so no other
 * spelling of a name leads past it.
 * @throws RegistryError 403 with the rule that decided; 400 for a mount whose source cannot be told
 */
export function checkImage(route: Route, config: Config): void {
  const { allowImages, denyImages } = config.guards;
  if (!allowImages && !denyImages) return;
  if (route.kind === 'catalog') throw denied('the list of repositories', 'it would show what is refused');
  if (route.kind === 'backend' && isDistributionPath(route.path))
    throw denied(route.path, 'images are below /v2/ alone');
  for (const image of imagesOf(route)) checkRules(image, config);
}

/**
 * What a request touches: its repository, and those it mounts a blob from.
 * @throws RegistryError 400 for a mount whose source cannot be told
 */
export function imagesOf(route: Route): Image[] {
  const { upstream, repository, kind, query } = route;
  if (repository === '') return [];
  const sources = kind === 'uploads' || kind === 'upload' ? mountSources(query) : [];
  return [repository, ...sources].map((name) => ({
    registry: upstream.name,
    repository: nameForClients(name, upstream) ?? name,
  }));
}

/** A registry may read the name of a parameter with less care than we do, and mount from where nobody looked. */
function mountSources(query: string): string[] {
  const sources = valuesOf(query, 'from');
  const names = query.split(/[?&;]/).map((parameter) => lenientPath(parameter.split('=', 1)[0]).toLowerCase());
  if (names.filter((name) => name === 'from').length !== sources.length || !sources.every(isName)) {
    throw new RegistryError(400, 'NAME_INVALID', 'the source of the mount is no repository name');
  }
  return sources;
}

/** Whether `ALLOW_IMAGES` and `DENY_IMAGES` let this be pulled. */
export function isImageServed(image: Image, config: Config): boolean {
  const { allowImages, denyImages } = config.guards;
  if (!allowImages && !denyImages) return true;
  try {
    checkRules(image, config);
    return true;
  } catch {
    return false;
  }
}

function checkRules(image: Image, { guards, upstreams: [{ name: defaultName }] }: Config): void {
  const isMeant =
    ({ registry, repository }: Image) =>
    (pattern: Pattern) =>
      matches(pattern, registry, repository, defaultName);
  const text = `${image.registry}/${image.repository}`;
  for (const reading of readingsOf(image)) {
    const rule = guards.denyImages?.find(isMeant(reading));
    if (rule) throw denied(text, `DENY_IMAGES=${rule.text}`);
  }
  if (guards.allowImages && !guards.allowImages.some(isMeant(image))) throw denied(text, 'not on ALLOW_IMAGES');
}

/**
 * The image, and what an upstream that is itself a proxy of several registries may take it for: there `docker.io/a/b` in a
 * name is a registry and a repository.
 * @throws RegistryError 403 for what could only be meant to hide a name
 */
function readingsOf(image: Image, depth = 0): Image[] {
  const [first, ...others] = image.repository.split('/');
  if (others.length === 0 || !/[.:]/.test(first)) return [image];
  // No name of Docker Hub begins like a registry's: docker itself would never ask Docker Hub for it.
  if (image.registry === 'docker.io' || depth >= MAX_NESTING) {
    throw denied(`${image.registry}/${image.repository}`, 'it names a registry inside another');
  }
  const registry = registryName(first);
  const inner = { registry, repository: completeName(others.join('/'), registry) };
  const plain = { registry: image.registry, repository: `${inner.registry}/${inner.repository}` };
  return [image, plain, ...readingsOf(inner, depth + 1)];
}

/** What a decoder needs at most to find a path that was encoded more than once. */
const MAX_DECODINGS = 3;

const COLLECTIONS = ['manifests', 'blobs', 'tags', 'referrers'];

/** Whether a lenient server may take a path outside `/v2/` for one of the distribution API, at whatever base. */
export function isDistributionPath(path: string): boolean {
  let plain = path;
  for (let count = 0; count < MAX_DECODINGS; count++) plain = lenientPath(plain.replace(/%25/g, '%'));
  const segments = plain
    .toLowerCase()
    .split('/')
    .map((segment) => segment.split(';', 1)[0])
    .filter(Boolean);
  const version = segments.indexOf('v2');
  if (version < 0) return false;
  return segments[version + 1] === '_catalog' || segments.slice(version + 2).some((each) => COLLECTIONS.includes(each));
}

/** Characters of a path; a repository's name is checked before. */
const MAX_SHOWN = 500;

function denied(what: string, rule: string): RegistryError {
  return new RegistryError(403, 'DENIED', `${what.slice(0, MAX_SHOWN)} is not served here: ${rule}`, { rule });
}
