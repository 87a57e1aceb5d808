/** One challenge of a WWW-Authenticate field (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** As it was written; compare without regard to case. */
  readonly scheme: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** The `token68` form, which some schemes use in place of parameters. */
  readonly token68?: string;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
/** Registries write URLs without quotes (gcr.io's service, some realms), so this is wider than the grammar's token. */
const UNQUOTED = /[^\s,"]+/y;
/** A missing end quote takes the rest of the line rather than the whole login. */
const UNTERMINATED = /"([^"]*)$/y;

/** Fields longer than this are not read: no registry sends such a one. */
const MAX_FIELD = 16 * 1024;

/** Every challenge of one field value; what cannot be read is left out, never thrown. */
export function parseChallenges(field: string): Challenge[] {
  const scanner = scan(field.slice(0, MAX_FIELD));
  const challenges: Challenge[] = [];
  while (!scanner.isAtEnd()) {
    scanner.skip(/[\s,]*/y);
    const scheme = scanner.take(TOKEN);
    if (scheme === undefined) {
      scanner.skip(/[^,]*,?/y);
      continue;
    }
    challenges.push(readChallenge(scheme, scanner));
  }
  return challenges;
}

function readChallenge(scheme: string, scanner: Scanner): Challenge {
  const parameters: [string, string][] = [];
  scanner.skip(/[ \t]*/y);
  const token68 = scanner.peek(/[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[ \t]*[^\s,=]/y) ? undefined : scanner.take(TOKEN68);
  while (token68 === undefined && scanner.peek(/[\s,]*[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=/y)) {
    scanner.skip(/[\s,]*/y);
    const name = scanner.take(TOKEN) as string;
    scanner.skip(/[ \t]*=[ \t]*/y);
    parameters.push([name.toLowerCase(), readValue(scanner)]);
    scanner.skip(/[ \t]*/y);
  }
  return token68 === undefined ? { scheme, parameters } : { scheme, parameters, token68 };
}

function readValue(scanner: Scanner): string {
  const quoted = scanner.take(QUOTED);
  if (quoted !== undefined) return quoted.replace(/\\(.)/g, '$1');
  return scanner.take(UNTERMINATED) ?? scanner.take(UNQUOTED) ?? '';
}

interface Scanner {
  isAtEnd(): boolean;
  peek(pattern: RegExp): boolean;
  skip(pattern: RegExp): void;
  /** The first group of the match, else the match; undefined where the pattern does not match here. */
  take(pattern: RegExp): string | undefined;
}

/** `patterns` are sticky: they match at the current position or not at all. */
function scan(text: string): Scanner {
  let position = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = position;
    return pattern.exec(text);
  };
  return {
    isAtEnd: () => position >= text.length,
    peek: (pattern) => match(pattern) !== null,
    skip: (pattern) => {
      position += match(pattern)?.[0].length ?? 0;
    },
    take: (pattern) => {
      const found = match(pattern);
      position += found?.[0].length ?? 0;
      return found ? (found[1] ?? found[0]) : undefined;
    },
  };
}

export function parameterOf(challenge: Challenge, name: string): string | undefined {
  return challenge.parameters.find(([key]) => key === name)?.[1];
}

/** All values quoted: docker's parser takes only those (RFC 9110 section 5.6.4 for the escapes). */
export function printChallenge(challenge: Challenge): string {
  if (challenge.token68 !== undefined) return `${challenge.scheme} ${challenge.token68}`;
  const parameters = challenge.parameters.map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`);
  return parameters.length > 0 ? `${challenge.scheme} ${parameters.join(',')}` : challenge.scheme;
}
