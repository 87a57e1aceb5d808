import type { IncomingMessage } from 'node:http';
import { tallyOf } from './received';

/** Bodies of redirects and errors are small: read away, their connection can be used again. */
const MAX_DISCARDED = 64 * 1024;

/** Gets rid of a response whose body nobody wants. */
export function discard(response: IncomingMessage): void {
  response.on('error', () => {});
  const tally = tallyOf(response);
  const length = Number(response.headers['content-length']);
  if (!(length <= MAX_DISCARDED)) return void response.destroy();
  if (tally) response.on('data', ({ length: bytes }: Buffer) => (tally.value += bytes));
  response.resume();
}
