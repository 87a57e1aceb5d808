import { type Capabilities, SMALL_BODY_BYTES } from './capabilities';
import type { Config } from './config';

/** Bytes of a blob above which it is sent chunked. @param framing `BODY_FRAMING` */
export function chunkedAbove(framing: string | undefined, platform: Capabilities | undefined): number {
  const isChunked = framing === 'auto' ? Boolean(platform?.streamsOnlyChunked) : framing === 'chunked';
  return isChunked ? SMALL_BODY_BYTES : Number.POSITIVE_INFINITY;
}

export function framingFaults({ chunkedAbove, capabilities }: Config): string[] {
  if (!Number.isFinite(chunkedAbove) || capabilities?.breaksChunks !== false) return [];
  return ['BODY_FRAMING=chunked: without a length a body that broke off would look whole here; leave it out'];
}
