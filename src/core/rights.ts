import { matches, PATTERN_FORM, type Pattern, parsePattern } from './patterns';

export type Action = 'pull' | 'push' | 'delete';

/** `guest`: let in by a secret or an address, without a name; `anonymous`: nobody knows who. */
export type Who =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'guest' }
  | { readonly kind: 'anonymous' };

/** These people may do this with these repositories. */
export interface AccessRule {
  /** Names of users, `*` for everybody who is logged in, `anonymous` for everybody. */
  readonly who: readonly string[];
  readonly actions: readonly Action[];
  readonly patterns: readonly Pattern[];
}

const EVERY_USER = '*';
const EVERYBODY = 'anonymous';

/** What each word allows. */
const ACTIONS: Readonly<Record<string, readonly Action[]>> = {
  pull: ['pull'],
  push: ['pull', 'push'],
  delete: ['delete'],
  all: ['pull', 'push', 'delete'],
};

/** For error messages, behind "expected". */
export const ACCESS_FORM = 'rules such as "alice,bob: pull,push team/**; *: pull **; anonymous: pull library/*"';

/** Each fault quotes the rule it is in, and ends a sentence. */
export type ParsedAccess =
  | { readonly rules: readonly AccessRule[]; readonly faults?: undefined }
  | { readonly faults: readonly AccessFault[]; readonly rules?: undefined };

export interface AccessFault {
  readonly rule: string;
  readonly why: string;
}

/** Reads `<who>[,<who>…]: <actions> <pattern>[, <pattern>…]`, with `;` or a line break between two rules. */
export function parseAccess(text: string): ParsedAccess {
  const lines = text
    .split(/[;\r\n]/)
    .map((line) => line.trim())
    .filter(Boolean);
  const parsed = lines.map(parseRule);
  const faults = parsed.flatMap((rule, index) =>
    'why' in rule ? rule.why.map((why) => ({ rule: lines[index], why })) : [],
  );
  if (lines.length === 0) return { faults: [{ rule: text, why: `expected ${ACCESS_FORM}` }] };
  return faults.length > 0 ? { faults } : { rules: parsed as AccessRule[] };
}

function parseRule(line: string): AccessRule | { why: string[] } {
  const match = /^([^:]+):\s*([a-z]+(?:\s*,\s*[a-z]+)*)\s+(.+)$/i.exec(line);
  if (!match) return { why: [`expected ${ACCESS_FORM}`] };
  const who = match[1].split(',').map((name) => name.trim());
  const words = match[2].toLowerCase().split(/\s*,\s*/);
  const texts = match[3].split(/[\s,]+/).filter(Boolean);
  const patterns = texts.map(parsePattern);
  const actions = [...new Set(words.flatMap((word) => ACTIONS[word] ?? []))];
  const why = [
    ...who.filter((name) => !/^[^\s]+$/.test(name)).map((name) => `"${name}" is no user name`),
    ...words.filter((word) => !ACTIONS[word]).map((word) => `"${word}" is none of pull, push, delete and all`),
    ...texts.filter((_, index) => !patterns[index]).map((each) => `"${each}": expected ${PATTERN_FORM}`),
    ...(texts.length === 0 ? ['it names no repository'] : []),
  ];
  if (who.includes(EVERYBODY) && actions.some((action) => action !== 'pull')) {
    why.push('anonymous may pull and nothing else: give users a login');
  }
  return why.length > 0 ? { why } : { who, actions, patterns: patterns as Pattern[] };
}

/**
 * Whether somebody may do this with a repository, as clients know it. Without rules users and guests may pull
 * everything, and nobody anything else.
 * @param defaultName of the registry that patterns without one belong to
 */
export function mayDo(
  rules: readonly AccessRule[] | undefined,
  who: Who,
  action: Action,
  registry: string,
  repository: string,
  defaultName: string,
): boolean {
  if (who.kind !== 'user' && action !== 'pull') return false;
  if (!rules) return who.kind !== 'anonymous' && action === 'pull';
  return rules.some(
    (rule) =>
      rule.actions.includes(action) &&
      isMeant(rule.who, who) &&
      rule.patterns.some((pattern) => matches(pattern, registry, repository, defaultName)),
  );
}

function isMeant(names: readonly string[], who: Who): boolean {
  if (names.includes(EVERYBODY)) return true;
  if (who.kind === 'anonymous') return false;
  return names.includes(EVERY_USER) || (who.kind === 'user' && names.includes(who.name));
}
