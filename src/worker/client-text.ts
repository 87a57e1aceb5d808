import { bodyLate, bodyTooLarge } from '../core/client-body';
import { readSmallBody } from './incoming';
import type { Session } from './session';

/**
 * A client's small body as text.
 * @param limit bytes
 * @param within milliseconds for all of it
 * @throws RegistryError 408, 413
 */
export async function readClientText({ request, head }: Session, limit: number, within: number): Promise<string> {
  // A body that is being read cannot be cancelled beside that: it ends with the request.
  const incoming = { head: { status: 0, headers: head.headers }, body: request.body, abort: () => {} };
  const body = await readSmallBody(incoming, limit, within).catch(() => undefined);
  if (!body) throw bodyLate();
  if (!body.rest) return new TextDecoder().decode(body.bytes);
  await body.rest.return(undefined);
  throw bodyTooLarge(limit);
}
