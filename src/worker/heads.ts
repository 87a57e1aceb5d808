import type { HeaderList } from '../core/headers';
import type { RequestHead } from '../core/verbs';

/** Where Cloudflare's edge says who the client is; it overwrites what a client sends by that name. */
const CLIENT_FIELD = 'cf-connecting-ip';

/** There is no edge before a Worker that runs on a developer's machine. */
const LOCAL = '127.0.0.1';

export function requestHead(request: Request): RequestHead {
  const { method, url, headers } = request;
  return {
    method,
    target: url.slice(url.indexOf('/', url.indexOf('//') + 2)),
    headers: headerList(headers),
    peer: { address: headers.get(CLIENT_FIELD) ?? LOCAL, secure: url.startsWith('https:') },
  };
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
