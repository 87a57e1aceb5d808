import { RegistryError } from './errors';
import type { Query } from './query';
import { lenientPath } from './url';

/**
 * Upload URLs of some registries have forms that the spec's grammar does not know (ghcr.io `/v2/…/blobs/upload/…`,
 * *.pkg.dev `/artifacts-uploads/…`). To lead back to us they travel inside the session part of an ordinary upload URL.
 */
const MARK = '~';

const SESSION = /^[A-Za-z0-9._~=:@!$&'()*+,;-]+$/;

export interface SessionTarget {
  readonly path: string;
  readonly query: Query;
}

export function isPlainSession(segment: string): boolean {
  return SESSION.test(segment) && !segment.startsWith(MARK);
}

/** The session segment that stands for this upstream path and query. */
export function wrapSession(target: SessionTarget): string {
  const text = encodeURIComponent(target.path + target.query).replace(/%([0-9A-F]{2})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return MARK + btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/**
 * What a session segment stands for; undefined for an ordinary one.
 * @param isOurs the registry sees a right of the proxy's own behind the request, and not the client's
 * @throws RegistryError 400, also where it would lead out of the repository's uploads: it comes from the client
 */
export function openSession(segment: string, repository: string, isOurs = false): SessionTarget | undefined {
  if (!segment.startsWith(MARK)) {
    if (SESSION.test(segment)) return undefined;
    throw new RegistryError(400, 'UNSUPPORTED', 'invalid upload session');
  }
  const text = decode(segment.slice(MARK.length));
  const mark = text?.indexOf('?') ?? -1;
  const path = mark < 0 ? (text ?? '') : (text ?? '').slice(0, mark);
  if (!isUploadPath(path, repository, isOurs)) throw new RegistryError(400, 'UNSUPPORTED', 'invalid upload session');
  return { path, query: mark < 0 ? '' : (text ?? '').slice(mark) };
}

function decode(text: string): string | undefined {
  try {
    const decoded = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
    return /^[\x21-\x7e]*$/.test(decoded) && !decoded.includes('#') ? decoded : undefined;
  } catch {
    return undefined;
  }
}

/** The only uploads outside `/v2/` that are known (gcr.io and *.pkg.dev). */
const KNOWN_UPLOADS = '/artifacts-uploads/';

/**
 * Below `/v2/`, at whatever base that lies, only this repository's uploads. Elsewhere only what lies in a folder of
 * uploads; and with a right of ours only a known one, since a host may have other services that would honour that right.
 */
function isUploadPath(path: string, repository: string, isOurs: boolean): boolean {
  const plain = lenientPath(path);
  if (!plain.startsWith('/') || plain.includes('//') || isAmbiguous(plain)) return false;
  const api = plain.search(/\/v2(\/|$)/i);
  if (api >= 0) return plain.startsWith(`/v2/${repository}/blobs/upload`, api);
  return isOurs ? plain.startsWith(KNOWN_UPLOADS) : /\/[a-z-]*uploads?\//i.test(plain);
}

/** Servers in Java drop what follows a `;` before they resolve `..`; some decode twice. */
function isAmbiguous(plain: string): boolean {
  return /\/\.{1,2}([/;]|$)/.test(plain) || /;|%3b|%25/i.test(plain);
}
