import type { CacheDocument } from './cache-verbs';
import { type HeaderList, headersOf } from './headers';

/** What a tag was for one kind of client: registries answer by `Accept`, some of them with another manifest. */
export interface TagVariant {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  /** Milliseconds since 1970: when the registry said so last. */
  readonly checkedAt: number;
}

/** Kinds of clients that are told apart for one tag. */
const MAX_VARIANTS = 8;

/** `Accept` as a key: its media types in order, without parameters. */
export function acceptKey(headers: HeaderList): string {
  const types = headersOf(headers, 'accept')
    .join(',')
    .split(',')
    .map((type) => type.split(';')[0].trim().toLowerCase())
    .filter(Boolean);
  return [...new Set(types)].sort().join(',');
}

export function variantOf(document: CacheDocument | undefined, accept: string): TagVariant | undefined {
  const found = (document?.variants as Record<string, Partial<TagVariant>> | undefined)?.[accept];
  if (typeof found?.digest !== 'string' || typeof found.mediaType !== 'string') return undefined;
  if (!Number.isSafeInteger(found.size) || typeof found.checkedAt !== 'number') return undefined;
  return found as TagVariant;
}

export function withVariant(document: CacheDocument | undefined, accept: string, variant: TagVariant): CacheDocument {
  const { [accept]: _, ...others } = (document?.variants ?? {}) as Record<string, TagVariant>;
  const kept = Object.entries(others)
    .sort(([, one], [, other]) => other.checkedAt - one.checkedAt)
    .slice(0, MAX_VARIANTS - 1);
  return { variants: Object.fromEntries([[accept, variant], ...kept]) };
}
