import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { HeaderList } from '../core/headers';
import { hostOf, type Url } from '../core/url';
import { Silence } from './s3-errors';

/** Milliseconds of patience with an object store. */
export interface Patience {
  /** Until there is a connection, TLS included. */
  readonly connect: number;
  /** From the last byte sent until the head of the answer. */
  readonly answer: number;
  /** Without one more byte being taken or given, while one is waited for. */
  readonly stall: number;
  /** Before the second attempt; each further one waits twice as long as the one before. */
  readonly backOff: number;
  /** For which an object store that could not be reached is not asked again. */
  readonly rest: number;
}

export const PATIENCE: Patience = { connect: 3000, answer: 10_000, stall: 30_000, backOff: 150, rest: 5000 };

/**
 * Milliseconds of idleness after which a kept connection is not used again. By the clock on the wall: a frozen function wakes up
 * with connections that died in its sleep.
 */
const MAX_IDLE = 10_000;

/** A body that can be sent again. */
export interface Body {
  readonly length: number;
  pieces(): Iterable<Uint8Array>;
}

export interface WireRequest {
  readonly method: string;
  readonly url: Url;
  readonly headers: HeaderList;
  readonly body?: Body;
  readonly signal?: AbortSignal;
  /** In place of the usual one. */
  readonly answer?: number;
}

/** Sends single requests over connections that are kept. */
export class Transport {
  readonly #patience: Patience;
  readonly #freedAt = new WeakMap<Socket, number>();
  #agent: http.Agent | undefined;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** The answer, whose body has not been read yet. @throws Silence, and what node:http throws */
  send({ method, url, headers, body, signal, answer }: WireRequest): Promise<IncomingMessage> {
    const { connect, answer: usual, stall } = this.#patience;
    return new Promise((resolve, reject) => {
      const request = (url.scheme === 'https' ? https : http).request({
        agent: this.#agentFor(url),
        method,
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: url.path + url.query,
        headers: Object.fromEntries([['host', hostOf(url)], ...headers, ...lengthOf(method, body)]),
        signal,
      });
      let timer: NodeJS.Timeout;
      let isAnswered = false;
      const wait = (what: 'connection' | 'answer' | 'body', milliseconds: number) => {
        clearTimeout(timer);
        timer = setTimeout(() => request.destroy(new Silence(what, milliseconds)), milliseconds);
      };
      wait('connection', connect);
      request.once('socket', (socket) => {
        const send = () =>
          write(request, body, (isAll) => {
            if (isAnswered) return false;
            if (isAll) wait('answer', answer ?? usual);
            else wait('body', stall);
            return true;
          });
        if (!socket.connecting) send();
        else socket.once(url.scheme === 'https' ? 'secureConnect' : 'connect', send);
      });
      request.once('response', (response) => {
        isAnswered = true;
        clearTimeout(timer);
        // What is not read to its end by its reader is not our fault, and must not end the process.
        response.on('error', () => {});
        // An answer before the end of the request: the rest of it would be taken for the next one.
        response.once('close', () => request.writableFinished || request.destroy());
        resolve(response);
      });
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
    });
  }

  /** What is being read goes on. */
  close(): void {
    this.#dropFree(0);
  }

  #agentFor({ scheme }: Url): http.Agent {
    if (!this.#agent) {
      const options = { keepAlive: true, scheduling: 'lifo' } as const;
      this.#agent = scheme === 'https' ? new https.Agent(options) : new http.Agent(options);
      this.#agent.on('free', (socket: Socket) => this.#freedAt.set(socket, Date.now()));
    }
    this.#dropFree(MAX_IDLE);
    return this.#agent;
  }

  #dropFree(maxIdle: number): void {
    const oldest = Date.now() - maxIdle;
    for (const sockets of Object.values(this.#agent?.freeSockets ?? {})) {
      for (const socket of sockets ?? []) if ((this.#freedAt.get(socket) ?? 0) <= oldest) socket.destroy();
    }
  }
}

function lengthOf(method: string, body: Body | undefined): HeaderList {
  return body || method === 'PUT' || method === 'POST' ? [['content-length', String(body?.length ?? 0)]] : [];
}

/** @param wrote after what the connection takes at once, with true after the last piece; false ends it */
function write(request: ClientRequest, body: Body | undefined, wrote: (isAll: boolean) => boolean): void {
  const pieces = body?.pieces()[Symbol.iterator]();
  const go = () => {
    for (let next = pieces?.next(); next && !next.done; next = pieces?.next()) {
      if (request.write(next.value)) continue;
      if (wrote(false)) request.once('drain', go);
      return;
    }
    request.end();
    wrote(true);
  };
  go();
}

/** The body of an answer as it comes; waits only while somebody waits for it. Leaving the loop ends the connection. @throws Silence */
export async function* chunksOf(response: IncomingMessage, stall: number): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    timer = setTimeout(() => response.destroy(new Silence('body', stall)), stall);
  };
  try {
    wait();
    for await (const chunk of response) {
      clearTimeout(timer);
      yield chunk;
      wait();
    }
  } finally {
    clearTimeout(timer);
  }
}
