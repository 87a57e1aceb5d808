import http, { type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware';
import type { Timeouts } from '../core/config';
import { hostOf } from '../core/url';
import type { Forward } from '../core/verbs';
import { type Agents, createAgents, MAX_IDLE, MAX_IDLE_WITH_BODY } from './agents';
import { outgoingHeaders } from './heads';
import { awaitResponse } from './response';
import { sendBody } from './upload';

/** One request to an upstream on behalf of one client, from its making to its response. */
interface Hop {
  readonly forward: Forward;
  readonly req: IncomingMessage;
  /** Called with the request the moment it exists, before a byte of it is written. */
  readonly onRequest: (request: ClientRequest) => void;
}

/** Names the hop that a request of http-proxy belongs to; taken off before the request is written. */
const HOP_FIELD = 'x-registry-proxy-hop';

/** How requests leave for upstreams. */
export class Transport {
  readonly #timeouts: Timeouts;
  readonly #agents: Agents = createAgents();
  readonly #hops = new Map<string, Hop>();
  readonly #uploads = new WeakMap<object, Hop>();
  readonly #targets = new WeakMap<IncomingMessage, Forward>();
  #middleware: RequestHandler | undefined;
  #count = 0;

  constructor(timeouts: Timeouts) {
    this.#timeouts = timeouts;
  }

  /**
   * Sends a client's request upstream, its body with it where the forward says so.
   * @throws TransportError or a node:http error; no response came then
   */
  async send(
    forward: Forward,
    req: IncomingMessage,
    res: ServerResponse,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    this.#middleware ??= this.#createMiddleware();
    const id = String(++this.#count);
    const before = clientListeners(req);
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        const onRequest = (request: ClientRequest) => resolve(awaitResponse(request, forward, this.#timeouts, signal));
        this.#hops.set(id, { forward, req, onRequest });
        this.#targets.set(req, forward);
        req.method = forward.method;
        req.url = '/';
        req.headers = { ...outgoingHeaders(forward.headers), host: hostOf(forward.url), [HOP_FIELD]: id } as never;
        this.#middleware?.(req, res, (error) => reject(error ?? new Error('the request was not proxied'))).catch(
          reject,
        );
      });
    } finally {
      this.#hops.delete(id);
      // http-proxy adds listeners to the client's request on every call, and one response may take thirty calls.
      removeListenersSince(req, before);
    }
  }

  /** Sends a request that belongs to no client's stream: tokens and pings. */
  fetch(forward: Forward, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, method } = forward;
    const body = forward.body === 'none' || forward.body === 'client' ? undefined : forward.body;
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const headers = { ...outgoingHeaders(forward.headers), ...length, host: hostOf(url) };
    const agent = this.#agents.take(forward, body === undefined ? MAX_IDLE : MAX_IDLE_WITH_BODY);
    const { request } = url.scheme === 'https' ? https : http;
    const sent = request({
      method,
      hostname: bare(url.hostname),
      port: url.port,
      path: url.path + url.query,
      headers,
      agent,
    });
    const response = awaitResponse(sent, forward, this.#timeouts, signal);
    sent.end(body);
    return response;
  }

  close(): void {
    this.#agents.close();
  }

  /**
   * The one http-proxy-middleware instance. What is measured to be wrong in 3.0.10 is kept away from it: it neither
   * relays responses nor copies the client's headers, path or body, and every error is taken from the request itself.
   */
  #createMiddleware(): RequestHandler {
    return createProxyMiddleware({
      target: 'http://upstream.invalid',
      router: (req) => targetOf(this.#targets.get(req) as Forward),
      agent: this.#dispatcher() as http.Agent,
      // http-proxy pipes `buffer` where there is one: the client's request itself would be piped without regard to framing.
      buffer: { pipe: (request: ClientRequest) => this.#sendBody(request) } as never,
      selfHandleResponse: true,
      followRedirects: false,
      xfwd: false,
      ejectPlugins: true,
      plugins: [(proxy) => proxy.on('error', () => {}).on('econnreset', () => {})],
    });
  }

  /**
   * An agent that is asked synchronously while a request is made: the one moment to set its exact path (http-proxy folds
   * `//`, which breaks signatures) and to choose the pool by what the request may connect to.
   */
  #dispatcher(): object {
    return {
      keepAlive: true,
      maxSockets: Number.POSITIVE_INFINITY,
      addRequest: (request: ClientRequest, options: object) => {
        const hop = this.#hops.get(String(request.getHeader(HOP_FIELD))) as Hop;
        const { url, body } = hop.forward;
        request.removeHeader(HOP_FIELD);
        request.path = url.path + url.query;
        this.#uploads.set(request, hop);
        const agent = this.#agents.take(hop.forward, body === 'client' ? MAX_IDLE_WITH_BODY : MAX_IDLE);
        (agent as unknown as { addRequest(request: ClientRequest, options: object): void }).addRequest(
          request,
          options,
        );
        hop.onRequest(request);
      },
    };
  }

  #sendBody(request: ClientRequest): void {
    const hop = this.#uploads.get(request) as Hop;
    if (hop.forward.body === 'client') sendBody(hop.req, request, hop.forward.connection?.timeouts ?? this.#timeouts);
    else request.end();
  }
}

function targetOf({ url }: Forward): { protocol: string; host: string; hostname: string; port: number } {
  return { protocol: `${url.scheme}:`, host: bare(url.hostname), hostname: bare(url.hostname), port: url.port };
}

/** Sockets take IPv6 addresses without the brackets that URLs need. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

const PROXY_EVENTS = ['aborted', 'error'] as const;

type Listener = (...all: unknown[]) => void;

function clientListeners(req: IncomingMessage): Set<Listener> {
  return new Set(PROXY_EVENTS.flatMap((event) => req.listeners(event) as Listener[]));
}

function removeListenersSince(req: IncomingMessage, before: Set<Listener>): void {
  for (const event of PROXY_EVENTS) {
    for (const listener of req.listeners(event) as Listener[]) if (!before.has(listener)) req.off(event, listener);
  }
}
