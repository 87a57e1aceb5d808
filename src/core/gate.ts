import { parseHtpasswd } from './htpasswd';
import type { Reading } from './read-upstreams';
import type { AccessRule } from './rights';

/** Who is let in, where not everybody is. */
export interface Gate {
  /** What a login window says. */
  readonly realm: string;
  /** Hashes by user name, as `parseHtpasswd` takes them; empty where nobody can log in. */
  readonly users: ReadonlyMap<string, string>;
  readonly rules?: readonly AccessRule[];
  /** Everybody may pull everything. */
  readonly anonymousPull: boolean;
  /** Whoever has it in the path or the host name may pull without a login. */
  readonly secret?: string;
  /** `any`: an address of `ALLOW_CLIENTS` does in place of a login. */
  readonly satisfy: 'all' | 'any';
}

/** Undefined where everybody is let in. */
export function readGate(reading: Reading, rules: readonly AccessRule[] | undefined): Gate | undefined {
  const { read, faults } = reading;
  const users = readUsers(reading);
  const secret = read('ACCESS_SECRET');
  if (read('REGISTRY_AUTH') === 'none' || (users === undefined && secret === undefined)) {
    if (read('REGISTRY_AUTH') === 'htpasswd')
      faults.push('REGISTRY_AUTH=htpasswd: set HTPASSWD_FILE to the file of users');
    if (rules) faults.push('ACCESS: there is nobody to have these rights; set HTPASSWD_FILE to the file of users');
    return undefined;
  }
  if (read('SATISFY') === 'any' && !read('ALLOW_CLIENTS'))
    faults.push('SATISFY=any: set ALLOW_CLIENTS to the addresses that need no login');
  if (secret !== undefined && read('PUBLIC_URL')?.hostname.split('.')[0] === secret)
    faults.push('PUBLIC_URL: holds ACCESS_SECRET, so that everybody would seem to have it; leave it out there');
  const known = users ?? new Map<string, string>();
  faults.push(...unknownUsers(rules ?? [], known));
  return {
    realm: read('AUTH_REALM') as string,
    users: known,
    ...(rules && { rules }),
    anonymousPull: read('ANONYMOUS_PULL') as boolean,
    ...(secret !== undefined && { secret }),
    satisfy: read('SATISFY') === 'any' ? 'any' : 'all',
  };
}

function readUsers({ read, around, faults, capabilities }: Reading): ReadonlyMap<string, string> | undefined {
  const path = read('HTPASSWD_FILE');
  const inline = read('HTPASSWD');
  const parse = (text: string, where: string) => parseUsers(text, where, faults, capabilities?.slowPasswords);
  if (path !== undefined && inline !== undefined) faults.push('HTPASSWD stands beside HTPASSWD_FILE: keep one of them');
  if (path === undefined) return inline === undefined ? undefined : parse(inline, 'HTPASSWD');
  try {
    return parse(around.readFile(path), `HTPASSWD_FILE=${path}`);
  } catch (error) {
    faults.push(`HTPASSWD_FILE=${path}: ${(error as Error).message}`);
    return new Map();
  }
}

function parseUsers(text: string, where: string, faults: string[], takesBcrypt = true): ReadonlyMap<string, string> {
  const parsed = parseHtpasswd(text, takesBcrypt);
  faults.push(...parsed.faults.map((fault) => `${where}: ${fault}`));
  if (parsed.users.size === 0 && parsed.faults.length === 0) {
    faults.push(
      `${where}: names no user; make one with "registry-proxy htpasswd ${takesBcrypt ? 'USER' : '--generate USER'}"`,
    );
  }
  return parsed.users;
}

/** A misspelt name would leave somebody without their rights, and nobody would be told. */
function unknownUsers(rules: readonly AccessRule[], users: ReadonlyMap<string, string>): string[] {
  const names = new Set(rules.flatMap(({ who }) => who));
  return [...names]
    .filter((name) => name !== '*' && name !== 'anonymous' && !users.has(name))
    .map((name) => `ACCESS: there is no user ${name}`);
}

/** Whether somebody who does not log in may pull anything at all. */
export function isOpenToAll({ anonymousPull, rules }: Gate): boolean {
  return anonymousPull || Boolean(rules?.some(({ who }) => who.includes('anonymous')));
}

/** Whether some have to log in and some need not, so that clients are sent for a token either way. */
export function givesTokens(gate: Gate): boolean {
  return isOpenToAll(gate) || gate.satisfy === 'any';
}
