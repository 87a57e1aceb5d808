import { getDomain } from 'tldts';
import type { RegistryEntry } from './registry-entry';
import { parseRegistryName, parseUrlOrHost } from './setting-values';

/** What `REGISTRIES` holds: a list, a document, or where the document is. */
export type RegistriesSetting =
  | { readonly kind: 'list'; readonly entries: readonly RegistryEntry[] }
  | { readonly kind: 'document'; readonly document: unknown }
  | { readonly kind: 'file'; readonly path: string };

/** Undefined for what is neither. */
export function parseRegistries(text: string): RegistriesSetting | undefined {
  if (/^[[{]/.test(text)) return parseDocument(text);
  if (/^(\.{0,2}\/|[a-z]:[\\/])|\.(json|ya?ml)$/i.test(text) && !text.includes(','))
    return { kind: 'file', path: text };
  const entries = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseListed);
  return entries.includes(undefined) ? undefined : { kind: 'list', entries: entries as RegistryEntry[] };
}

function parseDocument(text: string): RegistriesSetting | undefined {
  try {
    return { kind: 'document', document: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** `ghcr.io`, `*.pkg.dev` or `name=URL`. */
function parseListed(text: string): RegistryEntry | undefined {
  const [first, ...address] = text.split('=');
  const name = parseNameOrWildcard(first);
  if (name === undefined || address.length === 0) return name === undefined ? undefined : { name };
  const url = isWildcard(name) ? undefined : parseUrlOrHost(address.join('='));
  return url && { name, url };
}

export function isWildcard(name: string): boolean {
  return name.includes('*');
}

/**
 * A name, or one with `*` in place of labels or parts of them, one a label. The registrable domain must be whole: `*.com` or
 * `*.co.uk` would make us an open proxy.
 */
export function parseNameOrWildcard(text: string): string | undefined {
  if (!isWildcard(text)) return parseRegistryName(text);
  const name = text.toLowerCase();
  const labels = name.split('.');
  const isFixed = labels.length > 2 && !labels.slice(-2).some(isWildcard) && !/:|\*[^.]*\*/.test(name);
  if (!isFixed || !parseRegistryName(name.replaceAll('*', 'a'))) return undefined;
  const domain = getDomain(name.replaceAll('*', 'a')) ?? name;
  return labels.slice(-domain.split('.').length).some(isWildcard) ? undefined : name;
}

/** Whether a host is one that a wildcard stands for; each `*` is at least one character, and none of them a dot. */
export function matchesWildcard(host: string, wildcard: string): boolean {
  const labels = host.split('.');
  const patterns = wildcard.split('.');
  return labels.length === patterns.length && patterns.every((pattern, index) => matchesLabel(labels[index], pattern));
}

function matchesLabel(label: string, pattern: string): boolean {
  if (!isWildcard(pattern)) return label === pattern;
  const [before, ...rest] = pattern.split('*');
  const after = rest.join('');
  const isLonger = label.length > before.length + after.length;
  return isLonger && label.startsWith(before) && label.endsWith(after) && /^[a-z0-9-]+$/.test(label);
}
