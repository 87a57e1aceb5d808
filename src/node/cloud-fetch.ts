import { CLOUD_TIMEOUT, type CloudFetch, type CloudRequest, type CloudResponse } from '../shell/cloud-request';
import { TransportError } from '../shell/transport-error';
import { failureOf } from './failures';
import { readSmallBody } from './small-body';
import type { Transport } from './transport';

/** How requests to clouds leave: as those for tokens do, addresses checked when the connection is made. */
export function cloudFetch(transport: Transport): CloudFetch {
  return async (request) => {
    try {
      return await exchange(transport, request);
    } catch (error) {
      // What node:http says may name addresses.
      const { kind, message } = failureOf(error);
      throw new TransportError(kind, message, error);
    }
  };
}

async function exchange(
  transport: Transport,
  { method, url, headers, body = 'none', reach, within, limit }: CloudRequest,
): Promise<CloudResponse> {
  const { signal } = new AbortController();
  const response = await transport.fetch(
    { verb: 'forward', method, url, headers, body, reach, purpose: 'realm', within },
    signal,
  );
  try {
    const { chunks, isLonger } = await readSmallBody(response, limit, CLOUD_TIMEOUT);
    if (isLonger) throw new TransportError('unknown', `the answer is larger than ${limit / 1024} KiB`);
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
  } catch (error) {
    response.destroy();
    throw error;
  }
}
