import type { Timeouts } from '../core/config';
import { CLOUD_TIMEOUT, type CloudFetch } from '../shell/cloud-request';
import { TransportError } from '../shell/transport-error';
import { failureOf, readSmallBody } from './incoming';
import { send } from './transport';

/** How requests to clouds leave: as those for tokens do. */
export function cloudFetch(timeouts: Timeouts): CloudFetch {
  return async ({ method, url, headers, body = 'none', reach, within, limit }) => {
    try {
      const incoming = await send({
        forward: { verb: 'forward', method, url, headers, body, reach, purpose: 'realm', within },
        timeouts,
      });
      const { bytes, rest } = await readSmallBody(incoming, limit, CLOUD_TIMEOUT);
      await rest?.return(undefined);
      if (rest) throw new TransportError('unknown', `the answer is larger than ${limit / 1024} KiB`);
      return { status: incoming.head.status, body: new TextDecoder().decode(bytes) };
    } catch (error) {
      throw new Error(failureOf(error).message);
    }
  };
}
