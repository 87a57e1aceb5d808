import { completeName } from './reference';
import { registryName } from './registries';

/** Which images are meant, by `registry/repository` as clients know it: `ghcr.io/acme/**`. */
export interface Pattern {
  /** As somebody wrote it. */
  readonly text: string;
  /** The first component; absent where the default registry is meant. */
  readonly registry?: string;
  /** The other components; empty only where `**` alone means everything. */
  readonly path: readonly string[];
}

/** Characters of a pattern; repository names have at most as many as `MAX_NAME_LENGTH` says. */
export const MAX_PATTERN_LENGTH = 500;

/** For error messages, behind "expected". */
export const PATTERN_FORM =
  'repositories without a tag, * for anything in one component and ** for any number of them: team/app, ghcr.io/acme/**, ** for all';

const ANY = '**';
const REGISTRY = /^[a-z0-9._:[\]*-]+$/;
const COMPONENT = /^[a-z0-9._*-]+$/;

/**
 * Reads a pattern as docker reads a name: a first component with `.`, `:` or `*`, or `localhost`, is a registry, under
 * whichever of its names; anything else lies in the default one.
 * @returns undefined for what is no pattern, among it a registry alone and what no repository's name can match
 */
export function parsePattern(text: string): Pattern | undefined {
  if (text.length > MAX_PATTERN_LENGTH) return undefined;
  if (text === ANY) return { text, registry: ANY, path: [] };
  const components = text.split('/');
  const first = components[0].toLowerCase();
  const path = isRegistry(first) ? components.slice(1) : components;
  if (path.length === 0 || !path.every((component) => isComponent(component, COMPONENT))) return undefined;
  if (path === components) return { text, path };
  return isComponent(first, REGISTRY) ? { text, registry: registryName(first), path } : undefined;
}

/** Whether a first component names a registry (distribution/reference, "splitDockerDomain"), or may match one. */
function isRegistry(first: string): boolean {
  return /[.:*]/.test(first) || first === 'localhost';
}

function isComponent(text: string, characters: RegExp): boolean {
  return characters.test(text) && (text === ANY || !text.includes(ANY));
}

/**
 * Whether a pattern means this repository.
 * @param registry by any of its names
 * @param repository as clients know it; in front of Docker Hub `nginx` and `library/nginx` are one, here and in patterns
 * @param defaultName of the registry that patterns without one belong to
 */
export function matches(pattern: Pattern, registry: string, repository: string, defaultName: string): boolean {
  const name = registryName(registry.toLowerCase());
  const own = pattern.registry ?? registryName(defaultName.toLowerCase());
  const path = own === ANY || pattern.path[0] === ANY ? pattern.path : completed(pattern.path, name);
  return glob([own, ...path], [name, ...completed(repository.split('/'), name)], isAny, matchesComponent);
}

/** Whether a pattern can mean any repository of this registry. */
export function isOfRegistry(pattern: Pattern, registry: string, defaultName: string): boolean {
  const own = pattern.registry ?? defaultName;
  return own === ANY || matchesComponent(own, registry);
}

function completed(path: readonly string[], registry: string): readonly string[] {
  return completeName(path.join('/'), registry).split('/');
}

function isAny(component: string): boolean {
  return component === ANY;
}

/** Whether a text fits a pattern in which `*` stands for any number of characters. */
export function matchesComponent(pattern: string, text: string): boolean {
  return glob(
    pattern,
    text,
    (character) => character === '*',
    (character, other) => character === other,
  );
}

/**
 * Whether all items fit a pattern in which some places mean any number of items. A mismatch goes back to the last such
 * place only: at most as many comparisons as both lengths multiplied, whatever somebody sends.
 */
function glob(
  pattern: ArrayLike<string>,
  items: ArrayLike<string>,
  isAnyNumber: (place: string) => boolean,
  fits: (place: string, item: string) => boolean,
): boolean {
  let place = 0;
  let item = 0;
  let last = -1;
  let taken = 0;
  while (item < items.length) {
    if (place < pattern.length && isAnyNumber(pattern[place])) {
      last = place++;
      taken = item;
    } else if (place < pattern.length && fits(pattern[place], items[item])) {
      place++;
      item++;
    } else if (last >= 0) {
      place = last + 1;
      item = ++taken;
    } else {
      return false;
    }
  }
  while (place < pattern.length && isAnyNumber(pattern[place])) place++;
  return place === pattern.length;
}
