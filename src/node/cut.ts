import type { ServerResponse } from 'node:http';

/**
 * Ends a response before it is whole, so that its client sees that it is not (invariant 2).
 * @param record takes note of it, unless the client has left first
 */
export function cut(res: ServerResponse, record: { isCut?: boolean }): void {
  if (res.destroyed) return;
  record.isCut = true;
  res.destroy();
}
