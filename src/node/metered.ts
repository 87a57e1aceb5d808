import type { IncomingMessage } from 'node:http';
import type { Meter } from '../shell/budget-keeper';

/**
 * Counts the bytes of a body as they come, whoever reads it, and in whatever way.
 * @param response that nobody has read from
 */
export function metered(response: IncomingMessage, meter: Meter): IncomingMessage {
  // What came in one piece with the head.
  if (response.readableLength > 0) meter.received(response.readableLength);
  const push = response.push.bind(response);
  response.push = (chunk, encoding) => {
    if (chunk) meter.received(chunk.length);
    return push(chunk, encoding);
  };
  return response;
}
