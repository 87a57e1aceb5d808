import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventOf, type Front } from './event';
import { type Instance, type Setup, startInstance } from './instance';
import type { Said } from './runtime-api';

const MB = 1024 * 1024;

/** What AWS documents; deploy/aws/README.md names the pages. What it does not is said there too. */
export const LIMITS = {
  /** Bytes of a streamed answer. */
  response: 200 * MB,
  /** Bytes of an answer that is one document, and of an event. */
  payload: 6 * MB,
  /** Bytes of the headers, each way: API Gateway's figure, since none is told of function URLs. */
  headers: 10_240,
  /** Seconds of one invocation. */
  timeout: 900,
  instances: 10,
  /** Bytes a second after the first 6 MB; AWS has 2 MB. */
  bandwidth: Number.POSITIVE_INFINITY,
};

export interface FunctionUrlOptions extends Setup {
  limits?: Partial<typeof LIMITS>;
  front?: Front;
  host?: string;
  port?: number;
  /** Whether a function of Lambda@Edge gives WWW-Authenticate its name back (deploy/aws/README.md). */
  restoresChallenge?: boolean;
  /** Hears of each invocation when it is over. */
  onInvoked?(invoked: Invoked): void;
}

/** One invocation, as the platform saw it. */
export interface Invoked {
  method: string;
  path: string;
  status?: number;
  /** Those of the function, before the platform changes them. */
  headers?: Record<string, string>;
  bytes: number;
  /** `whole`; else why it is not. */
  end?: string;
}

export interface FunctionUrl {
  url: string;
  host: string;
  /** What its instances are started with. */
  setup: Setup;
  invocations: Invoked[];
  instances: Instance[];
  /** Times that an instance was made to stand still. */
  frozen(): number;
  output(): string;
  /** Ends all instances; their exit codes. */
  stop(): Promise<(number | null)[]>;
  close(): Promise<void>;
}

/** Seen on answers of function URLs: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html has the table of REST APIs. */
const REMAPPED = new Set(['connection', 'content-length', 'date', 'server', 'www-authenticate']);

/** A stand-in for Lambda and what stands in front of it. */
export async function startFunctionUrl(options: FunctionUrlOptions): Promise<FunctionUrl> {
  const limits = { ...LIMITS, ...options.limits };
  const front = options.front ?? 'function-url';
  const domain = front === 'function-url' ? 'lambda-url.eu-central-1.on.aws' : 'execute-api.eu-central-1.amazonaws.com';
  const host = options.host ?? `abcdefghijklmnopqrstuvwxyz012345.${domain}`;
  const invocations: Invoked[] = [];
  const instances: Instance[] = [];
  const idle: Instance[] = [];
  let frozen = 0;

  async function take(): Promise<Instance | undefined> {
    const free = idle.pop();
    if (free) return free;
    if (instances.length >= limits.instances) return undefined;
    const instance = await startInstance(options);
    instances.push(instance);
    await instance.ready().catch((error) => {
      instances.splice(instances.indexOf(instance), 1);
      throw error;
    });
    return instance;
  }

  /** Used again once it waits for the next event, and stands still until then. */
  function giveBack(instance: Instance): void {
    instance.ready().then(
      () => {
        instance.freeze();
        frozen++;
        idle.push(instance);
      },
      () => instances.splice(instances.indexOf(instance), 1),
    );
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (sizeOf(request.rawHeaders) > limits.headers) return refuse(response, 431, 'Request Header Fields Too Large');
    const body = await bodyOf(request, limits.payload);
    if (!body) return refuse(response, 413, 'Request Entity Too Large');
    const id = randomUUID();
    const event = JSON.stringify(eventOf({ request, body, host, front, id }));
    if (Buffer.byteLength(event) > limits.payload) return refuse(response, 413, 'Request Entity Too Large');
    const instance = await take().catch(() => undefined);
    if (!instance) return refuse(response, instances.length > 0 ? 429 : 502, 'Internal Server Error');
    const invoked: Invoked = { method: request.method ?? '', path: request.url ?? '', bytes: 0 };
    invocations.push(invoked);
    instance.thaw();
    const timer = setTimeout(() => {
      invoked.end ??= 'Task timed out';
      response.destroy();
      instance.stop('SIGKILL');
    }, limits.timeout * 1000);
    try {
      const said = await instance.api.invoke(id, event, Date.now() + limits.timeout * 1000);
      await pass(said, response, invoked);
    } finally {
      clearTimeout(timer);
      options.onInvoked?.(invoked);
      giveBack(instance);
    }
  }

  async function pass(said: Said, response: ServerResponse, invoked: Invoked): Promise<void> {
    if (said.kind === 'failed') {
      invoked.end = `${said.type}: ${said.message}`;
      return refuse(response, 502, 'Internal Server Error');
    }
    if (said.kind === 'streamed') {
      if (front !== 'function-url') {
        said.end(400);
        invoked.end = 'a stream where none is taken';
        return refuse(response, 500, 'Internal Server Error');
      }
      return passStream(said, response, invoked);
    }
    if (Buffer.byteLength(said.text) > limits.payload) {
      invoked.end = 'Response payload size exceeded';
      return refuse(response, 413, 'Request Entity Too Large');
    }
    const { statusCode, headers, cookies, body, isBase64Encoded } = JSON.parse(said.text);
    const bytes = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
    Object.assign(invoked, { status: statusCode, headers, bytes: bytes.length, end: 'whole' });
    const length = invoked.method === 'HEAD' ? {} : { 'Content-Length': String(bytes.length) };
    if (writeHead(response, statusCode, { ...headers, ...length }, cookies)) response.end(bytes);
  }

  async function passStream(
    { body, end }: Extract<Said, { kind: 'streamed' }>,
    response: ServerResponse,
    invoked: Invoked,
  ): Promise<void> {
    const broken = (why: string, status?: number) => {
      invoked.end = why;
      response.destroy();
      if (status) end(status);
    };
    let head = Buffer.alloc(0);
    let isHeadOver = false;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        let part = chunk;
        if (!isHeadOver) {
          head = Buffer.concat([head, chunk]);
          const mark = head.indexOf('\0'.repeat(8));
          if (mark < 0) continue;
          isHeadOver = true;
          part = head.subarray(mark + 8);
          const { statusCode, headers, cookies } = JSON.parse(head.subarray(0, mark).toString());
          Object.assign(invoked, { status: statusCode, headers });
          if (!writeHead(response, statusCode, headers, cookies)) return broken('headers too large', 413);
          response.flushHeaders();
        }
        invoked.bytes += part.length;
        if (invoked.bytes > limits.response) return broken('Response payload size exceeded', 413);
        // A client that leaves is nothing the function hears of: it goes on, and is paid for.
        if (part.length > 0 && !response.destroyed && !response.write(part)) await drained(response);
        const isSlow = Number.isFinite(limits.bandwidth) && invoked.bytes > LIMITS.payload;
        if (isSlow) await sleep((part.length / limits.bandwidth) * 1000);
      }
    } catch {
      return broken('the connection to the function broke');
    }
    const fault = body.trailers['lambda-runtime-function-error-type'];
    end(202);
    if (fault || !isHeadOver) return broken(fault ?? 'no prelude');
    invoked.end = 'whole';
    // Seen on live ones: https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/95
    if (invoked.bytes > 0) response.end();
  }

  function writeHead(
    response: ServerResponse,
    status: number,
    headers: Record<string, string>,
    cookies: string[] = [],
  ): boolean {
    const fields = Object.entries(headers).map(([name, value]): [string, string] => {
      if (typeof value !== 'string') throw new Error(`${name} is no text`);
      if (front !== 'function-url') return [name, value];
      const isKept = !REMAPPED.has(name) || (name === 'www-authenticate' && options.restoresChallenge);
      return [isKept ? name : `x-amzn-Remapped-${name}`, value];
    });
    const all = fields.filter(([name]) => !/^(content-length|connection|date)$/.test(name));
    if (sizeOf(all.flat()) > limits.headers) {
      refuse(response, 502, 'Internal Server Error');
      return false;
    }
    for (const [name, value] of all) response.setHeader(name, value);
    if (cookies.length > 0) response.setHeader('set-cookie', cookies);
    response.setHeader('x-amzn-requestid', randomUUID());
    response.writeHead(status);
    return true;
  }

  const server = createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    response.on('error', () => {});
    serve(request, response).catch(() => response.destroy());
  });
  server.requestTimeout = 0;
  await new Promise<void>((done) => server.listen(options.port ?? 0, '127.0.0.1', done));
  const output = () => instances.map((each) => each.output()).join('');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    host,
    setup: options,
    invocations,
    instances,
    frozen: () => frozen,
    output,
    stop: () => Promise.all(instances.splice(0).map((each) => each.stop())),
    async close() {
      await Promise.all(instances.splice(0).map((each) => each.stop('SIGKILL')));
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({ Message: message });
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      response.off('drain', over).off('close', over);
      resolve();
    };
    response.on('drain', over).on('close', over);
  });
}

async function bodyOf(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size <= limit) parts.push(part as Buffer);
  }
  return size <= limit ? Buffer.concat(parts) : undefined;
}

const sizeOf = (texts: string[]) => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
