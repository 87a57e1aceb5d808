import type { Config } from './config';

/** What a request target says when the secret has been taken out of it. */
export interface Unlocked {
  readonly target: string;
  /** What stood before it, as a path: `/secret`, or empty. */
  readonly mount: string;
  readonly isGuest: boolean;
}

/**
 * docker never sends a login to a registry mirror (moby/moby#30880), so a word that nobody knows lets pulls in: as the first
 * part of the path (`/secret/v2/…`, a mirror's URL with a path), as the first component of a name (`/v2/secret/…`, where
 * clients know no such path) or as the first label of the host.
 */
export function unlock(target: string, hostname: string, secret: string | undefined): Unlocked {
  if (secret === undefined) return { target, mount: '', isGuest: false };
  const [, first, second] = target.split('?', 1)[0].split('/');
  if (isSame(first, secret))
    return { target: target.slice(secret.length + 1) || '/', mount: `/${secret}`, isGuest: true };
  if (first === 'v2' && isSame(second, secret)) return { target, mount: '', isGuest: true };
  const [label, ...domain] = hostname.split('.');
  return { target, mount: '', isGuest: domain.length > 0 && isSame(label, secret) };
}

/** A name as the registry has it, where clients had to put the secret before it. */
export function withoutSecret(name: readonly string[], { gate }: Pick<Config, 'gate'>): readonly string[] {
  return gate?.secret !== undefined && name.length > 1 && isSame(name[0], gate.secret) ? name.slice(1) : name;
}

/** Takes as long for a near miss as for any other word of this length. */
function isSame(text: string | undefined, secret: string): boolean {
  if (text?.length !== secret.length) return false;
  let difference = 0;
  for (let index = 0; index < secret.length; index++) difference |= text.charCodeAt(index) ^ secret.charCodeAt(index);
  return difference === 0;
}

/** A part of a repository's name and of a host's, and not to be guessed. */
export function parseAccessSecret(text: string): string | undefined {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length >= 16 && text.length <= 63 ? text : undefined;
}
