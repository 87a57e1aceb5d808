import type { Config } from './config';
import { type HeaderList, headerOf } from './headers';
import type { Answer } from './verbs';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

const REQUEST_FIELDS = 'Accept, Authorization, Content-Range, Content-Type, If-Match, If-None-Match, If-Range, Range';

const RESPONSE_FIELDS =
  'Accept-Ranges, Content-Length, Content-Range, Docker-Content-Digest, Docker-Upload-UUID, ETag, Link, Location, OCI-Filters-Applied, OCI-Namespace, OCI-Subject, Range, RateLimit-Limit, RateLimit-Remaining, Retry-After, WWW-Authenticate';

/** Seconds that a browser may remember a preflight. */
const MAX_AGE = '7200';

/** The answer to OPTIONS; also a preflight's (Fetch standard, "CORS protocol"). */
export function answerOptions(): Answer {
  return {
    verb: 'answer',
    status: 204,
    headers: [
      ['allow', METHODS],
      ['access-control-allow-origin', '*'],
      ['access-control-allow-methods', METHODS],
      ['access-control-allow-headers', REQUEST_FIELDS],
      ['access-control-max-age', MAX_AGE],
    ],
    body: null,
  };
}

/**
 * Any page may read what anybody may read: browsers never add a login to a request under `*`. Where an address is what
 * lets people in, a page that one of them opens would read with their right.
 */
export function corsHeaders(request: HeaderList, { guards }: Pick<Config, 'guards'>): HeaderList {
  if (headerOf(request, 'origin') === undefined || guards.allowClients) return [];
  return [
    ['access-control-allow-origin', '*'],
    ['access-control-expose-headers', RESPONSE_FIELDS],
  ];
}
