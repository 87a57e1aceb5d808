import { bodyLate, bodyTooLarge } from '../core/client-body';
import type { Session } from './session';
import { readSmallBody } from './small-body';

/**
 * A client's small body as text.
 * @param limit bytes
 * @param within milliseconds for all of it
 * @throws RegistryError 408, 413
 */
export async function readClientText({ req, signal }: Session, limit: number, within: number): Promise<string> {
  const body = await readSmallBody(req, limit, within, signal).catch(() => undefined);
  if (!body) throw bodyLate();
  if (body.isLonger) throw bodyTooLarge(limit);
  return Buffer.concat(body.chunks).toString();
}
