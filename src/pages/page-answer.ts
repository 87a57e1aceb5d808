import { sha256 } from '@noble/hashes/sha2';
import type { HeaderList } from '../core/headers';
import type { Refusal } from '../core/inspect/report';
import type { Answer } from '../core/verbs';
import { SCRIPT, STYLE } from './document';

let policy: string | undefined;

/** A document, with all that keeps what stands in it from becoming more than text. */
export function documentAnswer(body: string, lang: string, refusal?: Refusal): Answer {
  policy ??= pagePolicy();
  return {
    verb: 'answer',
    status: refusal ? statusOf(refusal) : 200,
    headers: [
      ['content-type', 'text/html; charset=utf-8'],
      ['content-language', lang],
      ['content-security-policy', policy],
      ['cache-control', 'no-store'],
      ['vary', 'accept, accept-language'],
      ['x-content-type-options', 'nosniff'],
      ['referrer-policy', 'no-referrer'],
      ['cross-origin-opener-policy', 'same-origin'],
      ['cross-origin-resource-policy', 'same-origin'],
      ['x-robots-tag', 'noindex, nofollow'],
      ...(refusal ? fieldsOf(refusal) : []),
    ],
    body,
    sameOrigin: true,
    ...(refusal && { why: `${refusal.code}: ${refusal.message}` }),
  };
}

/** One style sheet and one script, known by their digests, and our own images (CSP 3, section 2.3.1). */
function pagePolicy(): string {
  return [
    "default-src 'none'",
    `style-src '${digestOf(STYLE)}'`,
    `script-src '${digestOf(SCRIPT)}'`,
    "img-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function digestOf(text: string): string {
  const bytes = sha256(new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...bytes))}`;
}

/** A 401 must say how to log in (RFC 9110 section 15.5.2): where nothing is to be said, it is none. */
function statusOf({ status, challenge }: Refusal): number {
  if (status === 401 && challenge === undefined) return 403;
  return status >= 400 && status <= 599 ? status : 502;
}

function fieldsOf({ status, challenge, retryAfter }: Refusal): HeaderList {
  return [
    ...(status === 401 && challenge !== undefined ? [['www-authenticate', challenge] as const] : []),
    ...(retryAfter !== undefined && /^[\x20-\x7e]+$/.test(retryAfter) ? [['retry-after', retryAfter] as const] : []),
  ];
}
