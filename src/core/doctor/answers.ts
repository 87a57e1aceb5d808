import { headerOf } from '../headers';
import { shorten } from '../prefetch';
import type { Evidence, Seen } from './evidence';
import type { Says } from './words-en';

/** What has been answered in words: those of a registry's error (OCI distribution spec, "Error Codes"), and of nothing else. */
export function wordsOf({ start, status }: Seen): string {
  try {
    const { errors } = JSON.parse(textOf(start)) as { errors?: { code?: unknown; message?: unknown }[] };
    const [{ code, message } = {}] = errors ?? [];
    return shorten([code, message].filter((each) => typeof each === 'string').join(' '));
  } catch {
    return status !== undefined && status >= 400 && textOf(start).trimStart().startsWith('<') ? '(HTML)' : '';
  }
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** What to do about an answer that is none of those that were meant to come. */
export function remedyFor(status: number, { isOurs }: Pick<Evidence, 'isOurs'>): Says {
  switch (status) {
    case 401:
      return 'set.login';
    case 403:
      return 'set.allow';
    case 404:
      return 'set.missing';
    case 413:
      return 'set.body';
    case 429:
      return 'set.wait';
    case 504:
      return 'set.time';
    default:
      return status >= 500 && isOurs ? 'set.upstream' : 'set.front';
  }
}

/** Its media type alone. */
export function typeOf({ headers }: Seen): string {
  return (headerOf(headers, 'content-type') ?? '').split(';')[0].trim().toLowerCase();
}

/** Encodings that the body has, whatever was said of what is wanted. */
export function encodingOf({ headers }: Seen): string | undefined {
  const encoding = headerOf(headers, 'content-encoding')?.toLowerCase();
  return encoding === 'identity' ? undefined : encoding;
}
