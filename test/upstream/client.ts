import { once } from 'node:events';
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

export interface Ask {
  method?: string;
  /** The request target exactly as it shall stand on the wire; otherwise taken from the URL. */
  target?: string;
  headers?: OutgoingHttpHeaders;
  /** A list is sent piece by piece, chunked unless content-length is given. */
  body?: string | Buffer | Buffer[];
  agent?: Agent;
  ca?: string;
}

export interface Head {
  status: number;
  headers: [name: string, value: string][];
  header(name: string): string | undefined;
  /** Every line of this name. */
  lines(name: string): string[];
}

export interface Reply extends Head {
  body: Buffer;
  /** `clean`: the framing said that this is all. `destroyed`: the connection broke before. */
  ending: 'clean' | 'destroyed';
  text: string;
  json(): unknown;
}

/** One request, its whole answer. Rejects only when no head comes. */
export async function ask(url: string, options: Ask = {}): Promise<Reply> {
  // Kept alive as by real clients: a short body with a clean end would leave them waiting, and here fail the test.
  const agent = options.agent ?? new Agent({ keepAlive: true });
  const { response, head } = await open(url, { ...options, agent }).catch((error) => {
    agent.destroy();
    throw error;
  });
  const chunks: Buffer[] = [];
  let ending: Reply['ending'] = 'clean';
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
    if (!response.complete) ending = 'destroyed';
  } catch {
    ending = 'destroyed';
  }
  agent.destroy();
  const body = Buffer.concat(chunks);
  return { ...head, body, ending, text: body.toString(), json: () => JSON.parse(body.toString()) };
}

/** The head only: the caller reads, reads slowly, or leaves. */
export function open(
  url: string,
  options: Ask = {},
): Promise<{ response: IncomingMessage; head: Head; leave(): void }> {
  const { hostname, port, protocol, pathname, search } = new URL(url);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      hostname,
      port,
      method: options.method ?? 'GET',
      path: options.target ?? pathname + search,
      headers: options.headers,
      agent: options.agent ?? new Agent(),
      ...(protocol === 'https:' ? { agent: undefined, ca: options.ca } : {}),
    });
    if (Array.isArray(options.body) && !request.hasHeader('content-length'))
      request.setHeader('transfer-encoding', 'chunked');
    request.on('error', reject);
    request.on('response', (response) => {
      resolve({ response, head: headOf(response), leave: () => request.destroy() });
    });
    writeBody(request, options.body).catch(reject);
  });
}

/** A request whose client may leave before any answer comes. */
export function begin(url: string, headers: OutgoingHttpHeaders = {}): { leave(): void } {
  const request = httpRequest(url, { headers, agent: new Agent() });
  request.on('error', () => {});
  request.end();
  return { leave: () => request.destroy() };
}

async function writeBody(request: ClientRequest, body: Ask['body']): Promise<void> {
  // One for all pieces: until it comes, each waits with a listener for errors, too.
  const gone = once(request, 'close').catch(() => {});
  for (const piece of Array.isArray(body) ? body : []) {
    if (request.destroyed) return;
    if (!request.write(piece)) await Promise.race([once(request, 'drain'), gone]);
  }
  if (body === undefined || Array.isArray(body)) request.end();
  else request.end(body);
}

function headOf(response: IncomingMessage): Head {
  const headers: [string, string][] = [];
  for (let i = 0; i < response.rawHeaders.length; i += 2) {
    headers.push([(response.rawHeaders[i] as string).toLowerCase(), response.rawHeaders[i + 1] as string]);
  }
  const lines = (name: string) => headers.filter(([key]) => key === name.toLowerCase()).map(([, value]) => value);
  return { status: response.statusCode ?? 0, headers, header: (name) => lines(name)[0], lines };
}

/** Writes bytes as they are and returns what came back until the other end closes or falls silent. */
export function exchangeRaw(port: number, text: string | Buffer, silence = 500, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, host, () => socket.write(text));
    socket.setTimeout(silence);
    const done = () => {
      socket.destroy();
      resolve(received);
    };
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('timeout', done);
    socket.on('error', done);
    socket.on('close', done);
  });
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
