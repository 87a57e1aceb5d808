import type { TagName } from './cache-config';
import { matches, matchesComponent, type Pattern, parsePattern } from './patterns';
import { parsePeriod } from './setting-values';

/** What `CACHE_TAG_TTL` says. */
export interface TagLifetimes {
  /** The first one that fits decides. */
  readonly rules: readonly TagRule[];
  /** Milliseconds, for all other tags; absent where nothing is said of them. */
  readonly others?: number;
}

interface TagRule {
  /** Absent for every image. */
  readonly image?: Pattern;
  /** A tag in which `*` stands for any number of characters. */
  readonly tag: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

/** For error messages, behind "expected". */
export const TAG_LIFETIMES_FORM =
  'a duration, and others behind a tag or an image: 60s,latest=30s,v*=1d,ghcr.io/team/**=1h,nginx:1.*=2h';

/** Characters of a tag (OCI distribution spec, "Pulling manifests"), and `*`. */
const TAG = /^[\w.*-]{1,128}$/;

/** Undefined for anything else, and where two durations are for all other tags. */
export function parseTagLifetimes(text: string): TagLifetimes | undefined {
  const words = text.split(/[\s,]+/).filter(Boolean);
  const rules = words.filter((word) => word.includes('=')).map(parseRule);
  const others = words.filter((word) => !word.includes('=')).map(parsePeriod);
  if (words.length === 0 || others.length > 1 || rules.includes(undefined)) return undefined;
  if (others.length === 1 && others[0] === undefined) return undefined;
  return { rules: rules as TagRule[], ...(others.length > 0 && { others: others[0] }) };
}

function parseRule(word: string): TagRule | undefined {
  const [pattern, ...rest] = word.split('=');
  const lifetime = parsePeriod(rest.join('='));
  if (lifetime === undefined) return undefined;
  if (!/[/:]/.test(pattern)) return TAG.test(pattern) ? { tag: pattern, lifetime } : undefined;
  // A registry may have a port.
  const colon = pattern.indexOf(':', pattern.lastIndexOf('/') + 1);
  const image = parsePattern(colon < 0 ? pattern : pattern.slice(0, colon));
  const tag = colon < 0 ? '*' : pattern.slice(colon + 1);
  return image && TAG.test(tag) ? { image, tag, lifetime } : undefined;
}

/**
 * Milliseconds for which this tag is good; undefined where nothing is said of it.
 * @param name with the repository as clients know it
 * @param defaultName of the registry that patterns without one belong to
 */
export function lifetimeOf(lifetimes: TagLifetimes, name: TagName, defaultName: string): number | undefined {
  const { registry, repository, tag } = name;
  const rule = lifetimes.rules.find(
    (each) =>
      matchesComponent(each.tag, tag) && (!each.image || matches(each.image, registry, repository, defaultName)),
  );
  return rule ? rule.lifetime : lifetimes.others;
}
