import { randomBytes, randomUUID } from 'node:crypto';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Limits of a web function, from Aliyun's pages: deploy/aliyun/README.md names them. */
export const MAX_HEADER_BYTES = 8 * 1024;
export const MAX_TARGET_BYTES = 4 * 1024;
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

export interface GatewayOptions {
  /** Where the function listens, and its process when it is to be frozen between requests. */
  port: number;
  pid?: number;
  host?: string;
  /** Nobody has told what happens to the length of an answer to HEAD; `zero` is the length of its empty body. */
  headLength?: 'kept' | 'dropped' | 'zero';
  /** Nor whether fcapp.run still adds `Content-Disposition: attachment`. */
  attachment?: boolean;
  /** Nor whether a large answer with a length is buffered whole or refused. */
  bufferAtMost?: number;
}

/** One answer of the function, as it came out of it. */
export interface Answered {
  method: string;
  path: string;
  status: number;
  headers: IncomingHttpHeaders;
  streamed: boolean;
}

export interface Gateway {
  url: string;
  host: string;
  /** The credentials it hands to the function with every request. */
  secrets: readonly string[];
  answers: Answered[];
  /** Connections made to the function, requests sent again after one was lost, times it was frozen. */
  counts: { connections: number; retries: number; frozen: number };
  healthCheck(path: string): Promise<number>;
  initialize(): Promise<number>;
  preStop(): Promise<number>;
  close(): Promise<void>;
}

/** FC keeps connections for as long as it likes, whatever the server's `Keep-Alive` header says. */
class StubbornAgent extends Agent {
  override keepSocketAlive(socket: Socket): boolean {
    socket.setKeepAlive(true, 1000);
    socket.unref();
    return true;
  }
}

const REPEATABLE = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];
/** What neither side may set; `x-fc-*` is the rest of that list. */
const OWN_REQUEST_HEADERS = ['connection', 'keep-alive', 'x-forwarded-proto', 'x-forwarded-for'];
const OWN_RESPONSE_HEADERS = ['connection', 'content-length', 'date', 'keep-alive', 'server', 'transfer-encoding'];

const sizeOf = (rawHeaders: string[]) => rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

function without(headers: IncomingHttpHeaders, names: string[]): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !names.includes(name) && !name.startsWith('x-fc-')),
  );
}

function refuse(response: ServerResponse, status: number, ErrorCode: string, ErrorMessage: string): void {
  const body = JSON.stringify({ RequestId: randomUUID(), ErrorCode, ErrorMessage });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-fc-error-type': ErrorCode,
  });
  response.end(body);
}

/** A stand-in for the HTTP gateway of Function Compute: it enforces what Aliyun documents. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const host = options.host ?? 'registry-proxy-abcdefghij.cn-hongkong.fcapp.run';
  const secrets = ['STS.', '', 'CAIS'].map((prefix) => prefix + randomBytes(24).toString('hex'));
  const counts = { connections: 0, retries: 0, frozen: 0 };
  const answers: Answered[] = [];
  const agent = new StubbornAgent({ keepAlive: true, scheduling: 'lifo' });
  const known = new WeakSet<Socket>();
  let running = 0;
  let frozen = false;

  const common = (path: string): OutgoingHttpHeaders => ({
    'x-fc-request-id': `1-${randomUUID()}`,
    'x-fc-access-key-id': secrets[0],
    'x-fc-access-key-secret': secrets[1],
    'x-fc-security-token': secrets[2],
    'x-fc-control-path': path,
    'x-fc-function-handler': 'index.handler',
    'x-fc-function-memory': '1024',
    'x-fc-function-name': 'registry-proxy',
    'x-fc-region': 'cn-hongkong',
    'x-fc-account-id': '1000000000000000',
    'x-fc-qualifier': 'LATEST',
    'x-fc-version-id': '',
    'x-fc-service-logproject': '',
    'x-fc-service-logstore': '',
  });

  function signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    try {
      if (options.pid !== undefined) process.kill(options.pid, name);
    } catch {
      // It has ended.
    }
  }

  function thaw(): void {
    running++;
    if (!frozen) return;
    signal('SIGCONT');
    frozen = false;
  }

  function rest(): void {
    running--;
    if (running > 0 || options.pid === undefined) return;
    signal('SIGSTOP');
    frozen = true;
    counts.frozen++;
  }

  /** One request to the function, sent again where FC says that it does so. */
  async function ask(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await new Promise<IncomingMessage>((done, fail) => {
          const out = request({ agent, port: options.port, host: '127.0.0.1', method, path, headers, signal });
          out.on('socket', (socket) => {
            if (known.has(socket)) return;
            known.add(socket);
            counts.connections++;
          });
          out.once('response', done);
          out.once('error', fail);
          out.end(body);
        });
      } catch (error) {
        if (signal.aborted || attempt === 2 || !REPEATABLE.includes(method)) throw error;
        counts.retries++;
      }
    }
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = incoming.method ?? '';
    const path = incoming.url ?? '';
    if (sizeOf(incoming.rawHeaders) > MAX_HEADER_BYTES) {
      return refuse(response, 400, 'InvalidArgument', 'the request header is over 8 KB');
    }
    if (Buffer.byteLength(path) > MAX_TARGET_BYTES) {
      return refuse(response, 400, 'InvalidArgument', 'path and query are over 4 KB');
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of incoming) {
      size += (part as Buffer).length;
      if (size <= MAX_BODY_BYTES) parts.push(part as Buffer);
    }
    if (size > MAX_BODY_BYTES) return refuse(response, 400, 'InvalidArgument', 'the request body is over 32 MB');
    const body = Buffer.concat(parts);

    const headers = {
      ...without(incoming.headers, [...OWN_REQUEST_HEADERS, 'transfer-encoding', 'content-length', 'expect']),
      ...(size > 0 || incoming.headers['content-length'] !== undefined ? { 'content-length': size } : {}),
      ...common('/http-invoke'),
      host,
      'x-forwarded-proto': 'https',
      'x-forwarded-for': incoming.socket.remoteAddress,
    };
    const abort = new AbortController();
    response.on('close', () => abort.abort());
    thaw();
    try {
      const answer = await ask(method, path, headers, body, abort.signal);
      await pass(method, path, answer, response);
    } catch (error) {
      if (response.headersSent || abort.signal.aborted) response.destroy();
      else refuse(response, 502, 'BadResponse', `the function gave no answer: ${(error as Error).message}`);
    } finally {
      rest();
    }
  }

  async function pass(method: string, path: string, answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = answer.statusCode ?? 0;
    const streamed = answer.headers['transfer-encoding'] === 'chunked' && method !== 'HEAD';
    answers.push({ method, path, status, headers: answer.headers, streamed });
    if (sizeOf(answer.rawHeaders) > MAX_HEADER_BYTES) {
      answer.resume();
      return refuse(response, 502, 'BadResponse', 'the response header is over 8 KB');
    }
    const headers: OutgoingHttpHeaders = {
      ...without(answer.headers, OWN_RESPONSE_HEADERS),
      date: new Date().toUTCString(),
      server: 'fc',
      'x-fc-request-id': `1-${randomUUID()}`,
      ...(options.attachment ? { 'content-disposition': 'attachment' } : {}),
    };
    if (streamed) {
      response.writeHead(status, headers);
      await pipeline(answer, response);
      return;
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of answer) {
      parts.push(part as Buffer);
      size += (part as Buffer).length;
    }
    if (size > (options.bufferAtMost ?? Number.POSITIVE_INFINITY)) {
      return refuse(response, 502, 'BadResponse', 'the response body is too large');
    }
    const length = method === 'HEAD' ? lengthOfHead(answer) : bodyless(status) ? undefined : size;
    response.writeHead(status, length === undefined ? headers : { ...headers, 'content-length': length });
    response.end(Buffer.concat(parts));
  }

  function lengthOfHead(answer: IncomingMessage): string | number | undefined {
    if (options.headLength === 'dropped') return undefined;
    return options.headLength === 'zero' ? 0 : answer.headers['content-length'];
  }

  async function control(method: string, path: string, headers: OutgoingHttpHeaders): Promise<number> {
    thaw();
    try {
      const answer = await ask(method, path, headers, Buffer.alloc(0), new AbortController().signal);
      for await (const _ of answer);
      return answer.statusCode ?? 0;
    } finally {
      rest();
    }
  }

  const server = createServer({ maxHeaderSize: 64 * 1024, keepAliveTimeout: 60_000 }, (incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    host,
    secrets,
    answers,
    counts,
    healthCheck: (path) => control('GET', path, { host: `127.0.0.1:${options.port}` }),
    initialize: () => control('POST', '/initialize', { ...common('/initialize'), host, 'content-length': 0 }),
    preStop: () => control('GET', '/pre-stop', { ...common('/pre-stop'), host }),
    async close() {
      if (frozen) signal('SIGCONT');
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      agent.destroy();
      await sleep(0);
    },
  };
}

const bodyless = (status: number) => status === 204 || status === 304;
