import { type Query, redactQuery } from './query';
import { originOf, type Url } from './url';

/** Parameters that say what was asked and never who asked or by what right. */
const SHOWN = new Set(['artifactType', 'digest', 'from', 'last', 'mount', 'n', 'ns', 'scope', 'service', 'tag']);

const MAX_LOGGED = 512;

/** A request target fit for a log: unknown parameters lose their values, and control characters their effect. */
export function redactTarget(target: string, secret?: string): string {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query: Query = mark < 0 ? '' : target.slice(mark);
  const session = path.replace(/(\/blobs\/uploads\/)[^/]+$/, '$1…');
  const open = stripUserInfo(session) + redactQuery(query, (name) => SHOWN.has(name));
  // Clients repeat it where the name or the host has it: in a scope, a service, the source of a mount.
  return (secret === undefined ? open : open.replaceAll(secret, 'SECRET')).slice(0, MAX_LOGGED);
}

/** Absolute-form targets are refused, but logged before that. */
function stripUserInfo(path: string): string {
  return path.replace(/^([a-z]+:\/\/)[^/]*@/i, '$1');
}

/**
 * Where an upstream is, fit for everybody to read: its path may be the secret of a far instance's (`ACCESS_SECRET`), and a
 * query a key.
 */
export function redactPlace(url: Url): string {
  return originOf(url) + (url.path.length > 1 || url.query !== '' ? '/…' : '');
}
