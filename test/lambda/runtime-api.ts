import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the runtime said to an invocation. */
export type Said =
  | { kind: 'streamed'; body: IncomingMessage; end(status: number): void }
  | { kind: 'document'; text: string }
  | { kind: 'failed'; type: string; message: string };

export interface RuntimeApi {
  /** host:port, as AWS_LAMBDA_RUNTIME_API has it. */
  place: string;
  /** Hands an event to the runtime, which has to wait for one. */
  invoke(id: string, event: string, deadline: number): Promise<Said>;
  /** Resolves once the runtime waits for an event. */
  waiting(): Promise<void>;
  /** What it reported of a start that failed. */
  startFault(): string | undefined;
  /** Requests that a runtime may not make. */
  faults: string[];
  close(): Promise<void>;
}

interface Underway {
  id: string;
  resolve(said: Said): void;
}

const VERSION = '/2018-06-01/runtime/';

/** The Runtime API of one instance: one invocation at a time, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export async function startRuntimeApi(): Promise<RuntimeApi> {
  let next: ServerResponse | undefined;
  let wake: (() => void)[] = [];
  let underway: Underway | undefined;
  let startFault: string | undefined;
  const faults: string[] = [];

  const refuse = (response: ServerResponse, status: number, why: string) => {
    faults.push(why);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errorMessage: why, errorType: 'InvalidRequest' }));
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    if (!path.startsWith(VERSION)) return refuse(response, 404, `no such path: ${path}`);
    const [what, id, part] = path.slice(VERSION.length).split('/');
    if (what === 'init' && id === 'error') {
      startFault = await textOf(request);
      response.writeHead(202).end();
      return;
    }
    if (what === 'invocation' && id === 'next' && request.method === 'GET') {
      if (next || underway) return refuse(response, 403, 'a second event is asked for while one is under way');
      next = response;
      const waiters = wake;
      wake = [];
      for (const each of waiters) each();
      return;
    }
    if (what !== 'invocation' || request.method !== 'POST' || !underway || underway.id !== id) {
      return refuse(response, 400, `unexpected: ${request.method} ${path}`);
    }
    const { resolve } = underway;
    if (part === 'error') {
      const { errorType = '', errorMessage = '' } = JSON.parse(await textOf(request));
      underway = undefined;
      response.writeHead(202).end();
      resolve({ kind: 'failed', type: errorType, message: errorMessage });
      return;
    }
    if (request.headers['lambda-runtime-function-response-mode'] !== 'streaming') {
      const text = await textOf(request);
      underway = undefined;
      response.writeHead(202).end();
      resolve({ kind: 'document', text });
      return;
    }
    if (request.headers['transfer-encoding'] !== 'chunked')
      return refuse(response, 400, 'a stream that is not chunked');
    const over = () => {
      if (underway?.id === id) underway = undefined;
    };
    request.once('close', over);
    resolve({
      kind: 'streamed',
      body: request,
      end(status) {
        over();
        if (status === 202) response.writeHead(202, { 'content-length': 0 }).end();
        else response.writeHead(status, { connection: 'close' }).end(() => request.destroy());
      },
    });
  }

  const server = createServer((request, response) => {
    request.on('error', () => {});
    serve(request, response).catch(() => response.destroy());
  });
  // Lambda says nothing about limits: an instance may stand still for long.
  Object.assign(server, { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0, timeout: 0 });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    place: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    startFault: () => startFault,
    waiting: () => (next ? Promise.resolve() : new Promise((resolve) => wake.push(resolve))),
    invoke(id, event, deadline) {
      const response = next;
      if (!response) throw new Error('the runtime waits for no event');
      next = undefined;
      return new Promise((resolve) => {
        underway = { id, resolve };
        response.writeHead(200, {
          'content-type': 'application/json',
          'lambda-runtime-aws-request-id': id,
          'lambda-runtime-deadline-ms': String(deadline),
          'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:123456789012:function:registry-proxy',
        });
        response.end(event);
      });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
