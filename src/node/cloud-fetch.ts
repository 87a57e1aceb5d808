import { TransportError } from '../shell/transport-error';
import { CLOUD_TIMEOUT, type CloudFetch } from './cloud-request';
import { readSmallBody } from './small-body';
import type { Transport } from './transport';

/** How requests to clouds leave: as those for tokens do, addresses checked when the connection is made. */
export function cloudFetch(transport: Transport): CloudFetch {
  return async ({ method, url, headers, body = 'none', reach, within, limit }) => {
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
  };
}
