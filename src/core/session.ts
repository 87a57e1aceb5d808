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
 * @throws RegistryError 400, also where it would lead out of the repository's uploads: it comes from the client
 */
export function openSession(segment: string, repository: string): SessionTarget | undefined {
  if (!segment.startsWith(MARK)) {
    if (SESSION.test(segment)) return undefined;
    throw new RegistryError(400, 'UNSUPPORTED', 'invalid upload session');
  }
  const text = decode(segment.slice(MARK.length));
  const mark = text?.indexOf('?') ?? -1;
  const path = mark < 0 ? (text ?? '') : (text ?? '').slice(0, mark);
  if (!isUploadPath(path, repository)) throw new RegistryError(400, 'UNSUPPORTED', 'invalid upload session');
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

/** Below `/v2/`, at whatever base that lies, only this repository's uploads; elsewhere only what calls itself an upload. */
function isUploadPath(path: string, repository: string): boolean {
  const plain = lenientPath(path);
  if (!plain.startsWith('/') || plain.includes('//') || /\/\.{1,2}(\/|$)/.test(plain)) return false;
  const api = plain.search(/\/v2(\/|$)/i);
  return api < 0 ? /upload/i.test(plain) : plain.startsWith(`/v2/${repository}/blobs/upload`, api);
}
