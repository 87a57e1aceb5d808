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
import { type Answered, type Edge, type Refusal, sizeOf, tooLong } from './edge';
import type { Instance, Instances } from './instances';

export interface EdgeGateway {
  url: string;
  answers: Answered[];
  /** Connections made to instances, requests sent again after one was lost, times an instance was frozen. */
  counts: { connections: number; retries: number; readonly frozen: number };
  /** A request of the platform's own. */
  control(method: string, path: string, headers: OutgoingHttpHeaders): Promise<number>;
  close(): Promise<void>;
}

/** Platforms keep connections for as long as they like, whatever the server's `Keep-Alive` header says. */
class StubbornAgent extends Agent {
  override keepSocketAlive(socket: Socket): boolean {
    socket.setKeepAlive(true, 1000);
    socket.unref();
    return true;
  }
}

const HOP = ['connection', 'keep-alive', 'transfer-encoding'];

/** Stands in for a platform: it enforces what the edge says, for real. */
export async function startEdge(
  edge: Edge,
  instances: Instances,
  listen: { port?: number; host?: string } = {},
): Promise<EdgeGateway> {
  const counts = {
    connections: 0,
    retries: 0,
    get frozen() {
      return instances.frozen;
    },
  };
  const answers: Answered[] = [];
  const agent = new StubbornAgent({ keepAlive: true, scheduling: 'lifo' });
  const known = new WeakSet<Socket>();

  function refuse(response: ServerResponse, refusal: Refusal): void {
    const { headers, body } = edge.refuse(refusal);
    response.writeHead(refusal.status, { ...headers, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }

  async function ask(instance: Instance, call: Call): Promise<IncomingMessage> {
    const { method, path, headers, body, signal } = call;
    for (let attempt = 0; ; attempt++) {
      try {
        return await new Promise<IncomingMessage>((done, fail) => {
          const out = request({ agent, port: instance.port, host: '127.0.0.1', method, path, headers, signal });
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
        if (signal.aborted || attempt === 2 || !edge.repeats.includes(method)) throw error;
        counts.retries++;
      }
    }
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = incoming.method ?? '';
    const path = incoming.url ?? '';
    const limits = edge.request;
    if (tooLong(limits.headers, sizeOf(incoming.rawHeaders))) return refuse(response, limits.headers);
    if (tooLong(limits.target, Buffer.byteLength(path))) return refuse(response, limits.target);
    const body = await readUpTo(limits.body.bytes, incoming);
    if (!body) return refuse(response, limits.body);

    const headers: OutgoingHttpHeaders = {
      ...without(incoming.headers, (name) => limits.drops(name) || FRAMING.includes(name)),
      ...(body.length > 0 || incoming.headers['content-length'] !== undefined ? { 'content-length': body.length } : {}),
      ...limits.adds(incoming),
      ...(edge.host ? { host: edge.host } : {}),
    };
    const abort = new AbortController();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      abort.abort();
    }, edge.deadline);
    if (edge.tellsOfLeaving) response.on('close', () => abort.abort());
    const instance = await instances.take();
    try {
      const answer = await ask(instance, { method, path, headers, body, signal: abort.signal });
      await pass(method, path, answer, response);
    } catch (error) {
      if (response.headersSent || (abort.signal.aborted && !isLate)) response.destroy();
      else if (isLate) refuse(response, { status: 504, code: 'Timeout', message: `no answer in ${edge.deadline} ms` });
      else refuse(response, { status: 502, code: 'BadResponse', message: `no answer: ${(error as Error).message}` });
    } finally {
      clearTimeout(timer);
      instances.giveBack(instance);
    }
  }

  async function pass(method: string, path: string, answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = answer.statusCode ?? 0;
    const limits = edge.response;
    const streamed = limits.streams(answer) && method !== 'HEAD';
    answers.push({ method, path, status, headers: answer.headers, streamed });
    if (tooLong(limits.headers, sizeOf(answer.rawHeaders))) {
      answer.resume();
      return refuse(response, limits.headers);
    }
    const headers = {
      ...without(answer.headers, (name) => limits.drops(name) || HOP.includes(name)),
      ...limits.adds(),
    };
    if (streamed) {
      response.writeHead(status, headers);
      return pipeline(answer, response);
    }
    delete headers['content-length'];
    const body = await readUpTo(limits.body?.bytes ?? Number.POSITIVE_INFINITY, answer);
    if (!body) return refuse(response, limits.body as Refusal);
    const length = method === 'HEAD' ? limits.headLength(answer) : bodyless(status) ? undefined : body.length;
    response.writeHead(status, length === undefined ? headers : { ...headers, 'content-length': length });
    response.end(body);
  }

  const server = createServer({ maxHeaderSize: 64 * 1024, keepAliveTimeout: 60_000 }, (incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  });
  server.requestTimeout = 0;
  await new Promise<void>((done) => server.listen(listen.port ?? 0, listen.host ?? '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    counts,
    async control(method, path, headers) {
      const instance = await instances.take();
      try {
        const signal = new AbortController().signal;
        const answer = await ask(instance, { method, path, headers, body: Buffer.alloc(0), signal });
        for await (const _ of answer);
        return answer.statusCode ?? 0;
      } finally {
        instances.giveBack(instance);
      }
    },
    async close() {
      instances.thaw();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      agent.destroy();
      await sleep(0);
    },
  };
}

interface Call {
  method: string;
  path: string;
  headers: OutgoingHttpHeaders;
  body: Buffer;
  signal: AbortSignal;
}

const FRAMING = ['transfer-encoding', 'content-length', 'expect'];

const bodyless = (status: number) => status === 204 || status === 304;

function without(headers: IncomingHttpHeaders, drops: (name: string) => boolean): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !drops(name)));
}

/** All of a body, read to its end; undefined where it is longer. */
async function readUpTo(bytes: number, message: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message) {
    size += (part as Buffer).length;
    if (size <= bytes) parts.push(part as Buffer);
  }
  return size > bytes ? undefined : Buffer.concat(parts);
}
