/** Characters of a file at most; a line has about 80. */
export const MAX_HTPASSWD = 1024 * 1024;

export const MAX_USERS = 10_000;

/** Least and greatest cost that is taken: bcrypt has none below 4, and at 15 one login would keep a core for 3 s. */
export const MIN_COST = 4;
export const MAX_COST = 14;

const MAX_USER_NAME = 255;

/** Faults named one by one; a file that is of another kind altogether has one in every line. */
const MAX_FAULTS = 20;

export interface Htpasswd {
  /** Hashes by user name: of bcrypt, or of passwords that were made. */
  readonly users: ReadonlyMap<string, string>;
  /** What is wrong, a sentence each that names the line and never the hash; such lines have no user. */
  readonly faults: readonly string[];
}

/**
 * Reads a file as Apache's htpasswd writes it: `user:hash` a line, empty lines and those that begin with `#` aside. What
 * follows a second colon is a comment, as for Apache and nginx; blanks around a line do not count, as for distribution.
 * @param takesBcrypt there is time to check bcrypt hashes; without it they are faults
 */
export function parseHtpasswd(text: string, takesBcrypt = true): Htpasswd {
  if (text.length > MAX_HTPASSWD) return { users: new Map(), faults: ['is larger than 1 MiB'] };
  const users = new Map<string, string>();
  const firstLines = new Map<string, number>();
  const faults: string[] = [];
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const fault = faultOf(entry, firstLines, takesBcrypt);
    const [name, hash] = entry.split(':');
    if (fault !== undefined) faults.push(`line ${index + 1}: ${fault}`);
    else users.set(name, hash);
    if (!firstLines.has(name)) firstLines.set(name, index + 1);
    if (firstLines.size > MAX_USERS) return { users: new Map(), faults: [`has more than ${MAX_USERS} users`] };
  }
  const more = faults.length - MAX_FAULTS;
  return { users, faults: more > 0 ? [...faults.slice(0, MAX_FAULTS), `and ${more} more lines like these`] : faults };
}

/**
 * Whether Basic authentication can carry the name (RFC 7617, section 2: no colon, no control characters) and a line of
 * the file can hold it.
 */
export function isUserName(name: string): boolean {
  const isLine = name === name.trim() && !name.startsWith('#') && !name.includes(':');
  return name !== '' && name.length <= MAX_USER_NAME && isLine && !hasControlCharacter(name);
}

export function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\x7f');
}

/** The cost that is written in a bcrypt hash. */
export function costOf(hash: string): number {
  return Number(hash.slice(4, 6));
}

/** Salt and hash in bcrypt's own base64; the bits that are left over in their last characters are zero. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/;

/** `$rp1$`, 16 bytes of salt and the SHA-256 of salt and password, both in base64url. */
const MADE = /^\$rp1\$[\w-]{21}[AQgw]\$[\w-]{42}[AEIMQUYcgkosw048]$/;

/**
 * Whether it is the hash of a password that was made by chance. Such a one cannot be guessed, so that its hash need not
 * be slow.
 */
export function isMadeHash(hash: string): boolean {
  return MADE.test(hash);
}

function faultOf(entry: string, firstLines: ReadonlyMap<string, number>, takesBcrypt: boolean): string | undefined {
  const [name, hash] = entry.split(':');
  if (hash === undefined) return 'expected user:hash, and there is no colon';
  if (name === '') return 'there is no user name before the colon';
  // Whoever wrote the two the wrong way round has a hash there.
  if (/^[${]/.test(name)) return 'a hash stands where the user name belongs: expected user:hash';
  // What could write to the screen is not printed.
  const quoted = `"${name.slice(0, 60).replace(/[\p{Cc}\p{Cf}]/gu, '?')}"`;
  if (!isUserName(name)) {
    return `${quoted} cannot be a user name: at most ${MAX_USER_NAME} characters, none a control character, no blank at its end`;
  }
  const first = firstLines.get(name);
  if (first !== undefined) return `${quoted} stands in line ${first} already: remove one of the two`;
  if (isMadeHash(hash)) return undefined;
  const cost = BCRYPT.exec(hash)?.[1];
  const user = /^[\w.@-]+$/.test(name) ? name : 'USER';
  if (!takesBcrypt) {
    const [why, another] =
      cost === undefined
        ? [`is ${kindOf(hash)}, and only made ones are taken on this platform`, 'one']
        : ['is a bcrypt hash, and this platform gives no request the time to check one', 'another one'];
    return `the password of ${quoted} ${why}: make ${another} with registry-proxy htpasswd --generate ${user}`;
  }
  const remedy = `make it anew with registry-proxy htpasswd ${user}, or htpasswd -B -C 10`;
  if (cost === undefined) return `the password of ${quoted} is ${kindOf(hash)}, and only bcrypt is taken: ${remedy}`;
  if (Number(cost) >= MIN_COST && Number(cost) <= MAX_COST) return undefined;
  return `the bcrypt hash of ${quoted} has cost ${cost}, and ${MIN_COST} to ${MAX_COST} is taken: ${remedy}`;
}

/** Forms of crypt(5), Apache's "Password Formats" and RFC 2307. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'empty'],
  [/^\$2[aby]\$/, 'a damaged bcrypt hash'],
  [/^\$2x?\$/, 'an outdated form of bcrypt'],
  [/^\$rp1\$/, 'a damaged hash of a made password'],
  [/^\$(apr)?1\$/, 'an MD5 hash'],
  [/^\{SHA\}/i, 'a SHA-1 hash'],
  [/^\{SSHA\}/i, 'a salted SHA-1 hash'],
  [/^\$5\$/, 'a SHA-256 crypt hash'],
  [/^\$6\$/, 'a SHA-512 crypt hash'],
  [/^\$argon2/, 'an Argon2 hash'],
  [/^\$(7|scrypt)\$/, 'a scrypt hash'],
  [/^\$g?y\$/, 'a yescrypt hash'],
  [/^\$pbkdf2/, 'a PBKDF2 hash'],
  [/^[$_{]/, 'a hash of an unknown kind'],
  [/^[./A-Za-z0-9]{13}$/, 'a DES crypt hash, or plain text'],
];

function kindOf(hash: string): string {
  return KINDS.find(([pattern]) => pattern.test(hash))?.[1] ?? 'plain text';
}
