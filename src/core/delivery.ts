import type { Config } from './config';
import { RegistryError } from './errors';
import { type HeaderList, headerOf, headersOf } from './headers';
import type { Place } from './location';
import { contentLength } from './range';
import { hrefOf } from './url';
import type { Answer, Forward, Relay, ResponseHead } from './verbs';

/** Bytes of a blob up to which it is streamed whatever `DELIVERY` says: a redirect would take longer. */
export const OFFLOAD_ABOVE = 256 * 1024;

/**
 * How a body comes to its client. `hand-over`: by the URL of the registry's storage; `offload`: by one of the bucket that it is copied
 * into first; `none`: not at all.
 */
export type Way = 'stream' | 'hand-over' | 'offload' | 'none';

/** A body that an upstream is about to send. */
export interface Load {
  /** Bytes; undefined where nobody says. */
  readonly size: number | undefined;
  /** It comes from a URL that needs no credential of ours, so the client can have it there, too. */
  readonly isElsewhere: boolean;
  /** It may be copied into the bucket. */
  readonly isKeepable: boolean;
}

/** The way for a body (docs/request-handling.md, section 17). */
export function wayOf(load: Load, { config, route: { kind, upstream }, excess }: Place): Way {
  const { size = 0, isElsewhere, isKeepable } = load;
  if (excess) return isElsewhere ? 'hand-over' : 'none';
  const { delivery, handleRedirect } = upstream;
  if (kind !== 'blob') return size <= config.maxResponse ? 'stream' : 'none';
  const mayOffload = isKeepable && hasBucket(config) && size > OFFLOAD_ABOVE;
  if (delivery === 'stream') return 'stream';
  if (delivery === 'offload' && mayOffload) return 'offload';
  // On a platform that sends large bodies slowly, what fits is still sent where nothing better is to be had.
  if (size <= config.easyResponse) return 'stream';
  if (isElsewhere && !handleRedirect) return 'hand-over';
  if (mayOffload) return 'offload';
  if (size <= config.maxResponse) return 'stream';
  return isElsewhere && delivery !== 'offload' ? 'hand-over' : 'none';
}

/** Whether clients are sent to the bucket for a blob of this size that is in it. */
export function isFetchedThere(size: number, { config, route: { upstream } }: Place): boolean {
  if (!hasBucket(config) || upstream.delivery === 'stream' || size <= OFFLOAD_ABOVE) return false;
  return upstream.delivery === 'offload' || size > config.easyResponse;
}

/** Whether what is kept can be sent at all. */
export function isSendable(size: number, { config, route: { upstream } }: Place): boolean {
  return hasBucket(config) || upstream.delivery === 'stream' || size <= config.maxResponse;
}

/** Whether the proxy follows this redirect of a blob itself; undefined where other settings than `DELIVERY` decide. */
export function followsBlob(method: string, head: ResponseHead, { config, route, excess }: Place): boolean | undefined {
  const { kind, upstream } = route;
  const { delivery } = upstream;
  if (kind !== 'blob') return undefined;
  const isLong = !isHeadSmall([['location', headerOf(head.headers, 'location') ?? '']], config);
  if (isLong) return true;
  if (excess) return method === 'GET' ? false : undefined;
  if (delivery === 'auto') return undefined;
  // A URL signed for GET answers HEAD with 403 (moby/moby#50065).
  return delivery === 'redirect' ? (method === 'GET' ? false : undefined) : true;
}

/** A redirect of a blob that may not lead back to us, since its body would have to pass here. */
export function isPassedUntouched({ config, route: { kind, upstream }, excess }: Place): boolean {
  if (kind !== 'blob') return false;
  if (excess) return true;
  return upstream.delivery === 'redirect' || (upstream.delivery === 'auto' && Number.isFinite(config.maxResponse));
}

/** Bytes of the body that a relay sends; undefined where the upstream does not say. */
export function bodySize({ span, headers }: Relay): number | undefined {
  if (span?.last !== undefined) return span.last - span.first + 1;
  return contentLength(headers);
}

/** Sends the client to where the body is; that URL holds for this client, and for a moment. */
export function handOver({ url }: Forward, { headers }: Relay): Answer {
  const kept = ['docker-content-digest', 'docker-distribution-api-version', 'oci-namespace', 'cache-status'];
  return {
    verb: 'answer',
    status: 307,
    headers: [
      ...kept.flatMap((name) => headersOf(headers, name).map((value) => [name, value] as const)),
      ['location', hrefOf(url)],
      ['cache-control', 'no-store'],
    ],
    body: '',
  };
}

/** Bytes of fields that are added on the way out: CORS, Date, those of the platform. */
const HEADER_ROOM = 512;

/** Whether the platform lets such a head pass: with more it answers with an error of its own. */
export function isHeadSmall(headers: HeaderList, { capabilities }: Config): boolean {
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, HEADER_ROOM);
  return bytes <= capabilities.maxResponseHeaders;
}

/** There is no way for a body of this size. */
export function undeliverable(size: number, { config, route }: Place): RegistryError {
  const { upstream } = route;
  const message = `this body has ${size} bytes, and answers may have ${config.maxResponse} here`;
  const hint = hasBucket(config)
    ? 'it cannot be copied into the bucket now; ask for a part of it (Range)'
    : 'set CACHE=s3://… to have blobs copied into a bucket and fetched there, or ask for a part of it (Range)';
  return new RegistryError(501, 'UNSUPPORTED', message, {
    size,
    limit: config.maxResponse,
    registry: upstream.name,
    hint,
  });
}

export function deliveryFaults({ upstreams, cache, capabilities }: Config): string[] {
  const offloaded = upstreams.find(({ delivery }) => delivery === 'offload');
  if (!offloaded || cache?.place.kind === 's3') return [];
  const what = `DELIVERY=offload for ${offloaded.name}`;
  const isBound = capabilities !== undefined && !capabilities.stores.includes('s3');
  if (isBound)
    return [`${what}: a bucket that is bound to a Worker has no signed URLs; a Worker streams blobs of any size`];
  return [`${what}: blobs are copied into a bucket, and there is none; set CACHE=s3://…`];
}

function hasBucket({ cache }: Config): boolean {
  return cache?.place.kind === 's3';
}
