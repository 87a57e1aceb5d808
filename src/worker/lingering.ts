import { readBody } from './incoming';
import type { Session } from './session';

/** Bytes that a client may go on sending after it has been answered. */
const MAX_LINGERING = 4 * 1024 * 1024;

/** Milliseconds for the next ones, as nginx's lingering_timeout. */
const LINGERING_TIMEOUT = 5_000;

/** A client that is still sending reads no answer, and where nobody takes what it sends it is cut off instead: it is read away, within limits. */
export function linger({ request, keepAlive }: Session): void {
  const { body } = request;
  if (!body || request.bodyUsed || body.locked) return;
  keepAlive(readAway(body));
}

async function readAway(body: ReadableStream<Uint8Array>): Promise<void> {
  const head = { status: 0, headers: [] };
  let bytes = 0;
  for await (const chunk of readBody(
    { head, body, abort: (why) => void body.cancel(why).catch(() => {}) },
    LINGERING_TIMEOUT,
  )) {
    bytes += chunk.length;
    if (bytes > MAX_LINGERING) return;
  }
}
