import type { HeaderList } from '../core/headers';
import type { RequestHead } from '../core/verbs';

/** Where Cloudflare's edge says who the client is; it overwrites what a client sends by that name. */
const CLIENT_FIELD = 'cf-connecting-ip';

/** There is no edge before a Worker that runs on a developer's machine. */
const LOCAL = '127.0.0.1';

export function requestHead(request: Request): RequestHead {
  const { method, url, headers } = request;
  const address = headers.get(CLIENT_FIELD);
  return {
    method,
    target: url.slice(url.indexOf('/', url.indexOf('//') + 2)),
    headers: headerList(headers).filter(([name, value]) => address === null || !isEdges(name, value, address)),
    peer: { address: address ?? LOCAL, secure: url.startsWith('https:') },
  };
}

/**
 * Whether the edge repeats by this field who the client is: it always sets `X-Real-IP`, whatever a client sends by that name. Taken
 * for the word of a proxy in front that nobody has spoken of, it would keep everybody out whom `ALLOW_CLIENTS` lets in.
 */
function isEdges(name: string, value: string, address: string): boolean {
  return name === 'x-real-ip' || (name === 'x-forwarded-for' && value === address);
}

/** Lines of one field come joined by commas, which both Accept and WWW-Authenticate allow (RFC 9110 section 5.3). */
export function headerList(headers: Headers): HeaderList {
  return [...headers] as [string, string][];
}

/** Whichever challenge stands first on the one line is the one that containerd takes: one that leads to a token, where there is any. */
export function headersOf(list: HeaderList): Headers {
  const headers = new Headers();
  const later = (name: string, value: string) => name === 'www-authenticate' && !/^bearer /i.test(value);
  for (const [name, value] of list) if (!later(name, value)) headers.append(name, value);
  for (const [name, value] of list) if (later(name, value)) headers.append(name, value);
  return headers;
}
