import type { Config } from '../core/config';
import { headersOf } from '../core/headers';
import { originOfRequest } from '../core/origin';
import { unlock } from '../core/secret-path';
import type { RequestHead } from '../core/verbs';

export const FAVICON_PATH = '/favicon.ico';

/** A request for something that people look at. */
export interface PageTarget {
  readonly kind: 'page' | 'text' | 'icon' | 'robots';
  /** Begins with `?`, or empty. */
  readonly query: string;
  /** Whoever asks has shown `ACCESS_SECRET`. */
  readonly isGuest: boolean;
}

/** @returns undefined for what is no page of ours, wherever else it leads */
export function pageTarget(head: RequestHead, config: Config): PageTarget | undefined {
  if (head.method !== 'GET' && head.method !== 'HEAD') return undefined;
  const hostname = originOfRequest(head, config)?.hostname ?? '';
  const { target, isGuest } = unlock(head.target, hostname, config.gate?.secret);
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const kind = kindOf(path, head);
  return kind && { kind, query: mark < 0 ? '' : target.slice(mark), isGuest };
}

function kindOf(path: string, head: RequestHead): PageTarget['kind'] | undefined {
  switch (path) {
    // Nothing is left of `/SECRET?image=…`, where links of the page lead that has no slash at its end.
    case '':
    case '/':
      return wantsHtml(head) ? 'page' : 'text';
    case FAVICON_PATH:
      return 'icon';
    case '/robots.txt':
      return 'robots';
    default:
      return undefined;
  }
}

/** Browsers name `text/html`; curl and health checks take anything (RFC 9110 section 12.5.1). */
function wantsHtml({ headers }: RequestHead): boolean {
  const ranges = headersOf(headers, 'accept').flatMap((field) => field.split(','));
  return ranges.some((range) => {
    const [type = '', ...parameters] = range.split(';').map((each) => each.trim().toLowerCase());
    return type === 'text/html' && !parameters.some((each) => /^q=0(\.0*)?$/.test(each));
  });
}
