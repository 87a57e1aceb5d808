/** Grammar of the OCI distribution spec, "Pulling manifests". */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/** Lengths of the hex part for the registered algorithms (OCI image spec, "Registered Algorithms"). */
const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Longest name taken; clients cap host and name at 255 together (distribution spec), some registries nest deeper. */
export const MAX_NAME_LENGTH = 400;

export function isName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** A digest of a registered algorithm must have its exact hex length; others must only have the form. */
export function isDigest(text: string): boolean {
  if (text.length > 300 || !DIGEST.test(text)) return false;
  const separator = text.indexOf(':');
  const length = HEX_LENGTH[text.slice(0, separator)];
  const value = text.slice(separator + 1);
  return length === undefined || (value.length === length && /^[0-9a-f]+$/.test(value));
}

/** Docker Hub keeps official images under `library/`; people and clients leave it out. */
export function completeName(name: string, registry: string): string {
  return registry === 'docker.io' && !name.includes('/') ? `library/${name}` : name;
}
