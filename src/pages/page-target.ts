import type { Config } from '../core/config';
import { headersOf } from '../core/headers';
import { originOfRequest } from '../core/origin';
import { unlock } from '../core/secret-path';
import type { Answer, RequestHead } from '../core/verbs';
import { plainPage, strangerAnswer, welcomePage } from '../shell/own-pages';
import { FAVICON, ROBOTS } from './icons';

export const FAVICON_PATH = '/favicon.ico';

/** A request for something that people look at. */
export interface PageTarget {
  readonly kind: 'page' | 'text' | 'icon' | 'robots';
  /** Begins with `?`, or empty. */
  readonly query: string;
  /** Whoever asks has shown `ACCESS_SECRET`. */
  readonly isGuest: boolean;
}

/** @returns undefined for what is no page of ours, wherever else it leads, and where there is to be none */
export function pageTarget(head: RequestHead, config: Config): PageTarget | undefined {
  if (!config.landingPage || (head.method !== 'GET' && head.method !== 'HEAD')) return undefined;
  const hostname = originOfRequest(head, config)?.hostname ?? '';
  const { target, isGuest } = unlock(head.target, hostname, config.gate?.secret);
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const kind = kindOf(path, head);
  return kind && { kind, query: mark < 0 ? '' : target.slice(mark), isGuest };
}

/** What needs nothing but the request to be answered; undefined for the page itself. */
export function smallPage(head: RequestHead, { kind, isGuest }: PageTarget, config: Config): Answer | undefined {
  const stranger = strangerAnswer(head, config);
  if (stranger) return stranger;
  switch (kind) {
    case 'text':
      return varying(welcomePage(config, isGuest));
    case 'icon':
      return iconAnswer();
    case 'robots':
      return plainPage(ROBOTS);
    case 'page':
      return undefined;
  }
}

/** Browsers get another one at the same place. */
function varying(answer: Answer): Answer {
  return { ...answer, headers: [...answer.headers, ['vary', 'accept, accept-language']] };
}

function iconAnswer(): Answer {
  return {
    verb: 'answer',
    status: 200,
    headers: [
      ['content-type', 'image/svg+xml'],
      ['cache-control', 'public, max-age=86400'],
      ['content-security-policy', "default-src 'none'"],
      ['x-content-type-options', 'nosniff'],
    ],
    body: FAVICON,
  };
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
