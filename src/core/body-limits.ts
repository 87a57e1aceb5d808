import { type Capabilities, SMALL_BODY_BYTES } from './capabilities';
import type { Config } from './config';
import type { SettingReader } from './setting-readers';

/** What one request, and the answer to it, may come to. */
export interface Limits {
  /** Bytes of a client's body at most. */
  readonly maxRequestBody: number;
  /** Bytes of an answer's body at most. */
  readonly maxResponse: number;
  /** Bytes of an answer's body up to which it is streamed without a look for another way. */
  readonly easyResponse: number;
  /** Milliseconds that a client waits at a time for a blob that is copied into a bucket. */
  readonly offloadWait: number;
  /** Requests of our own that one of a client's may lead to. */
  readonly maxSubrequests: number;
  /** Bodies of more bytes than this are left to the platform to hand on. */
  readonly directAbove: number;
  /** Blob bodies of more bytes than this are sent chunked. */
  readonly chunkedAbove: number;
}

/** Bytes of a blob above which it is sent chunked. @param framing `BODY_FRAMING` */
function chunkedAbove(framing: string | undefined, platform: Capabilities | undefined): number {
  const isChunked = framing === 'auto' ? Boolean(platform?.streamsOnlyChunked) : framing === 'chunked';
  return isChunked ? SMALL_BODY_BYTES : Number.POSITIVE_INFINITY;
}

/** Requests of our own on Cloudflare's free plan, which leaves 10 ms of a processor to each of a client's. */
const FREE_PLAN = 50;

/** Bytes that can be watched in that time: up to 0.4 ms for each MiB, as docs/performance.md has it. */
const DIRECT_ABOVE = 16 * 1024 * 1024;

export function readLimits(read: SettingReader, platform: Capabilities | undefined): Limits {
  const maxSubrequests = read('MAX_SUBREQUESTS') ?? platform?.maxSubrequests ?? Number.POSITIVE_INFINITY;
  const isFree = maxSubrequests <= FREE_PLAN;
  const maxResponse = read('MAX_RESPONSE') ?? platform?.maxResponse ?? Number.POSITIVE_INFINITY;
  return {
    chunkedAbove: chunkedAbove(read('BODY_FRAMING'), platform),
    maxResponse,
    easyResponse: Math.min(maxResponse, platform?.easyResponse ?? maxResponse),
    offloadWait: read('OFFLOAD_WAIT') as number,
    maxRequestBody: read('MAX_REQUEST_BODY') ?? platform?.maxRequestBody ?? Number.POSITIVE_INFINITY,
    maxSubrequests,
    directAbove: read('DIRECT_ABOVE') ?? (isFree ? DIRECT_ABOVE : Number.POSITIVE_INFINITY),
  };
}

export function framingFaults({ chunkedAbove, capabilities }: Config): string[] {
  if (!Number.isFinite(chunkedAbove) || capabilities?.breaksChunks !== false) return [];
  return ['BODY_FRAMING=chunked: without a length a body that broke off would look whole here; leave it out'];
}
