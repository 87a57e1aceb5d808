import { type Capabilities, SMALL_BODY_BYTES } from './capabilities';
import type { Config } from './config';
import type { SettingReader } from './setting-readers';

/** Bytes of a blob above which it is sent chunked. @param framing `BODY_FRAMING` */
export function chunkedAbove(framing: string | undefined, platform: Capabilities | undefined): number {
  const isChunked = framing === 'auto' ? Boolean(platform?.streamsOnlyChunked) : framing === 'chunked';
  return isChunked ? SMALL_BODY_BYTES : Number.POSITIVE_INFINITY;
}

/** Requests of our own on Cloudflare's free plan, which leaves 10 ms of a processor to each of a client's. */
const FREE_PLAN = 50;

/** Bytes that can be watched in that time: up to 0.4 ms for each MiB, as docs/performance.md has it. */
const DIRECT_ABOVE = 16 * 1024 * 1024;

/** What one request may come to. */
export function readLimits(read: SettingReader, platform: Capabilities | undefined) {
  const maxSubrequests = read('MAX_SUBREQUESTS') ?? platform?.maxSubrequests ?? Number.POSITIVE_INFINITY;
  const isFree = maxSubrequests <= FREE_PLAN;
  return {
    maxRequestBody: read('MAX_REQUEST_BODY') ?? platform?.maxRequestBody ?? Number.POSITIVE_INFINITY,
    maxSubrequests,
    directAbove: read('DIRECT_ABOVE') ?? (isFree ? DIRECT_ABOVE : Number.POSITIVE_INFINITY),
  };
}

export function framingFaults({ chunkedAbove, capabilities }: Config): string[] {
  if (!Number.isFinite(chunkedAbove) || capabilities?.breaksChunks !== false) return [];
  return ['BODY_FRAMING=chunked: without a length a body that broke off would look whole here; leave it out'];
}
