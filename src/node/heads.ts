import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { HeaderList } from '../core/headers';
import type { RequestHead, ResponseHead } from '../core/verbs';

export function requestHead(req: IncomingMessage): RequestHead {
  return {
    method: req.method ?? '',
    target: req.url ?? '',
    headers: headerList(req.rawHeaders),
    peer: { address: req.socket.remoteAddress ?? '', secure: Boolean((req.socket as TLSSocket).encrypted) },
  };
}

export function responseHead(response: IncomingMessage): ResponseHead {
  return { status: response.statusCode ?? 0, headers: headerList(response.rawHeaders) };
}

/** The raw list, since the joined one loses the lines of WWW-Authenticate and Accept. */
function headerList(raw: readonly string[]): HeaderList {
  const list: [string, string][] = [];
  for (let index = 0; index < raw.length; index += 2) list.push([raw[index].toLowerCase(), raw[index + 1]]);
  return list;
}

/** For node:http requests: one array a field, so that several lines stay several. */
export function outgoingHeaders(headers: HeaderList): OutgoingHttpHeaders {
  const grouped: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const present = grouped[name];
    grouped[name] = present === undefined ? value : [present, value].flat();
  }
  return grouped;
}

export function writeHead(res: ServerResponse, status: number, headers: HeaderList): void {
  for (const [name, value] of Object.entries(outgoingHeaders(headers))) res.setHeader(wireName(name), value as string);
  res.writeHead(status);
}

const MAX_WIRE_NAMES = 100;

/** Made once each, but not for every name that an upstream thinks up. */
const wireNames = new Map<string, string>();

/** `Docker-Content-Digest` and not `docker-content-digest`: people search for it with grep. */
function wireName(name: string): string {
  const known = wireNames.get(name);
  if (known !== undefined) return known;
  const made = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
  if (wireNames.size < MAX_WIRE_NAMES) wireNames.set(name, made);
  return made;
}
