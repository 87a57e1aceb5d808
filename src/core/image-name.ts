import { completeName, isDigest, isName, isTag } from './reference';
import { registryName } from './registries';
import { parseAuthority } from './url';

/** An image as somebody typed it, taken apart. */
export interface ImageName {
  /** As it was typed, for people. */
  readonly text: string;
  /** The first component; absent where the proxy's own default registry is meant. */
  readonly registry?: string;
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
}

/** Characters of an image's name with registry, tag and digest. */
const MAX_IMAGE_NAME = 1000;

/** For error messages, behind "expected". */
export const IMAGE_FORM =
  'an image as docker pull takes it, in lower case and without https://: nginx, nginx:1.27, ghcr.io/owner/app@sha256:…';

/**
 * Reads an image's name as docker does (distribution/reference, "splitDockerDomain"): a first component with `.` or `:`, or
 * `localhost`, is a registry, under whichever of its names. A digest wins over a tag beside it; without either it is `latest`.
 * @returns undefined for what is no image's name
 */
export function parseImageName(text: string): ImageName | undefined {
  if (text.length > MAX_IMAGE_NAME) return undefined;
  const [named, digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) return undefined;
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash).toLowerCase();
  const host = isRegistry(first) ? first : undefined;
  if (host !== undefined && !parseAuthority(host)) return undefined;
  const [name, tag, ...rest] = (host === undefined ? named : named.slice(slash + 1)).split(':');
  if (rest.length > 0 || !isName(name) || (tag !== undefined && !isTag(tag))) return undefined;
  const reference = digest ?? tag ?? 'latest';
  if (host === undefined) return { text, repository: name, reference };
  const registry = registryName(host);
  return { text, registry, repository: completeName(name, registry), reference };
}

function isRegistry(first: string): boolean {
  return /[.:]/.test(first) || first === 'localhost';
}
