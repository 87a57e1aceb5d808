import type { Outcome } from './cache-verbs';
import type { Config } from './config';
import { clientAddress, originOfRequest } from './origin';
import { redactTarget } from './redact';
import type { Route, RouteKind } from './route';
import type { Attributes, Span } from './span';
import { originOf, type Url } from './url';
import type { Failure, Forward, Purpose, RequestHead } from './verbs';

/** What is known of a client's request when it is over. */
export interface Served {
  readonly config: Config;
  readonly head: RequestHead;
  readonly route: Route | undefined;
  /** Undefined where the client got none. */
  readonly status: number | undefined;
  /** All of it has been handed to the client's connection. */
  readonly isWhole: boolean;
  readonly hasLeft: boolean;
  readonly record: {
    readonly id: string;
    /** Of performance.now(). */
    readonly startedAt: number;
    readonly bytes: number;
    readonly resumed: number;
    readonly waited: number;
    readonly route?: string;
    readonly cache?: Outcome;
    readonly connections?: number;
    readonly why?: string;
  };
}

type Fields = Pick<Span, 'name' | 'attributes' | 'fault'>;

/** Paths as the distribution spec writes them; one is few spans' names, whatever is asked for. */
const TEMPLATES: Readonly<Partial<Record<RouteKind, string>>> = {
  ping: '/v2/',
  catalog: '/v2/_catalog',
  manifest: '/v2/<name>/manifests/<reference>',
  blob: '/v2/<name>/blobs/<digest>',
  tags: '/v2/<name>/tags/list',
  referrers: '/v2/<name>/referrers/<digest>',
  uploads: '/v2/<name>/blobs/uploads/',
  upload: '/v2/<name>/blobs/uploads/<session>',
  token: '/token',
};

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/**
 * The span of a client's request: OpenTelemetry's semantic conventions for HTTP (server spans), and what a registry has besides. It says
 * no more than the line in the log.
 */
export function servedFields(served: Served): Fields {
  const { config, head, route, status, isWhole, hasLeft, record } = served;
  const secret = config.gate?.secret;
  const [path, query] = redactTarget(head.target, secret).split('?', 2);
  const origin = originOfRequest(head, config);
  const template = record.route === undefined && route ? TEMPLATES[route.kind] : undefined;
  const method = methodOf(head.method);
  const isBroken = !isWhole && !hasLeft && status !== undefined && status < 500;
  const error = status !== undefined && status >= 500 ? String(status) : isBroken ? 'broken_off' : undefined;
  return {
    name: template ? `${method.name} ${template}` : method.name,
    attributes: hide(secret, {
      ...method.attributes,
      'http.route': template,
      'http.response.status_code': status,
      'http.response.body.size': record.bytes,
      'url.scheme': origin?.scheme ?? (head.peer.secure ? 'https' : 'http'),
      'url.path': path,
      'url.query': query,
      'server.address': origin?.hostname,
      'server.port': origin?.port,
      'client.address': clientAddress(head, config.trustProxy),
      'error.type': error,
      'registry.request_id': record.id,
      'registry.route': record.route ?? route?.kind ?? 'none',
      'registry.name': route?.repository ? route.upstream.name : undefined,
      'registry.repository': route?.repository || undefined,
      'registry.reference': route && hasReference(route) ? route.reference : undefined,
      'registry.cache': record.cache,
      'registry.resumed': record.resumed,
      'registry.connections': record.connections,
      'registry.waited_ms': record.waited >= 1 ? Math.round(record.waited) : undefined,
      'registry.client_left': hasLeft || undefined,
    }),
    ...(error !== undefined && { fault: hideText(secret, record.why ?? '') }),
  };
}

/** An upload's is its session, by which anybody could go on with it. */
function hasReference({ kind }: Route): boolean {
  return kind === 'manifest' || kind === 'blob' || kind === 'referrers';
}

/** How a request to an upstream ended. */
export type HopEnd = { readonly status: number } | { readonly failure: Failure };

/**
 * The span of a request to an upstream, to the head of its response (the same conventions, client spans).
 * @param resent how often the same was asked for before
 */
export function hopFields({ method, url, purpose }: Forward, end: HopEnd, resent: number): Fields {
  const failure = 'failure' in end ? end.failure : undefined;
  const status = 'status' in end ? end.status : undefined;
  // A challenge is how a registry says where tokens are.
  const isFailed = failure !== undefined || (status !== undefined && status >= 400 && status !== 401);
  return {
    name: `${method} ${purpose}`,
    attributes: {
      'http.request.method': method,
      'http.request.resend_count': resent > 0 ? resent : undefined,
      'http.response.status_code': status,
      'url.full': shownUrl(url, purpose),
      'server.address': url.hostname,
      'server.port': url.port,
      'error.type': failure ? failure.kind : isFailed ? String(status) : undefined,
      'registry.purpose': purpose,
    },
    ...(isFailed && { fault: failure?.message ?? '' }),
  };
}

/**
 * Of what an upstream has named itself the origin alone, and of a registry's own address what is below its base: the rest may hold a
 * secret, and so does an upload's session.
 */
function shownUrl(url: Url, purpose: Purpose): string {
  const at = purpose === 'registry' || purpose === 'ping' ? url.path.lastIndexOf('/v2/') : -1;
  const path = url.path.slice(at).replace(/(\/blobs\/uploads?\/).+$/, '$1…');
  return originOf(url) + (at < 0 ? '/…' : at === 0 ? path : `/…${path}`);
}

function methodOf(method: string): { name: string; attributes: Attributes } {
  if (METHODS.has(method)) return { name: method, attributes: { 'http.request.method': method } };
  return { name: 'HTTP', attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': method } };
}

function hide(secret: string | undefined, attributes: Attributes): Attributes {
  if (secret === undefined) return attributes;
  const hidden = Object.entries(attributes).map(([name, value]) => [
    name,
    typeof value === 'string' ? hideText(secret, value) : value,
  ]);
  return Object.fromEntries(hidden);
}

/** Clients repeat it where the name or the host has it. */
function hideText(secret: string | undefined, text: string): string {
  return secret === undefined ? text : text.replaceAll(secret, 'SECRET');
}
