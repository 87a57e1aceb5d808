import type { Upstream } from './config';
import { RegistryError } from './errors';
import { headerOf, redirectHeaders, withoutHeaders } from './headers';
import { redactPlace } from './redact';
import { checkCallable } from './trust';
import { hrefOf, isSameOrigin, resolveUrl, type Url } from './url';
import type { Forward, ResponseHead } from './verbs';

/** Hops that one request may be led over. Real registries need one or two (registry.k8s.io: three). */
export const MAX_HOPS = 5;

/** Hops back to the same path, which a proxy that copies a blob first sends its clients (section 17); Go's clients end at 10, too. */
export const MAX_RETURNS = 10;

/** Statuses whose `Location` is followed or rewritten (RFC 9110 section 15.4); 300 and 304 have none to follow. */
export function isRedirect(head: ResponseHead): boolean {
  return [301, 302, 303, 307, 308].includes(head.status) && headerOf(head.headers, 'location') !== undefined;
}

/** The chain of redirects of one request. */
export class Redirects {
  readonly #upstream: Upstream;
  #visited: string[] = [];
  #returns = 0;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /**
   * The request that follows this redirect. On a new origin it starts from a fresh set of headers (RFC 9110 section
   * 15.4): signed URLs refuse an Authorization of somebody else, and the storage host has no business with it.
   * @throws RegistryError 502 for a loop, too many hops, and targets that may not be called
   */
  follow(sent: Forward, head: ResponseHead): Forward {
    const location = headerOf(head.headers, 'location') ?? '';
    const url = resolveUrl(location, sent.url);
    if (!url) throw failure('the upstream redirects to something that is no http(s) URL', sent);
    checkCallable(url, this.#upstream, 'the redirect');
    if (this.#visited.length === 0) this.#visited.push(hrefOf(sent.url));
    if (this.#visited.includes(hrefOf(url))) throw failure('the upstream redirects in a loop', sent);
    if (this.#returns < MAX_RETURNS && isReturn(url, sent.url)) this.#returns += 1;
    else if (this.#visited.length - this.#returns > MAX_HOPS)
      throw failure(`the upstream redirects more than ${MAX_HOPS} times`, sent);
    this.#visited.push(hrefOf(url));
    const headers = isSameOrigin(url, sent.url) ? withoutHeaders(sent.headers, 'host') : redirectHeaders(sent.headers);
    return { ...sent, url, headers, purpose: isRegistry(url, this.#upstream) ? 'registry' : 'hop', after: undefined };
  }
}

/** The same, with another query: nothing has been reached by it but time. */
function isReturn(to: Url, from: Url): boolean {
  return isSameOrigin(to, from) && to.path === from.path;
}

/** A registry that moves a name within itself still answers for it: its 401 and 429 are the client's to see. */
function isRegistry(url: Url, upstream: Upstream): boolean {
  return isSameOrigin(url, upstream.url) && url.path.startsWith(`${upstream.url.path}/v2/`);
}

function failure(message: string, sent: Forward): RegistryError {
  return new RegistryError(502, 'UNAVAILABLE', message, { from: redactPlace(sent.url) });
}
