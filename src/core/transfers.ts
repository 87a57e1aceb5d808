import type { RegistryError } from './errors';
import { headerOf } from './headers';
import { takesBody } from './methods';
import { tooManyRequests } from './rate-limit';
import type { Route } from './route';
import type { RequestHead } from './verbs';

/** Whether a request carries the bytes of a blob, down or up: those that `MAX_TRANSFERS` counts. */
export function isTransfer({ method, headers }: RequestHead, { kind }: Route): boolean {
  if (kind === 'blob' || kind === 'backend') return method === 'GET';
  if ((kind !== 'uploads' && kind !== 'upload') || !takesBody(method)) return false;
  const length = headerOf(headers, 'content-length');
  return length === undefined ? headerOf(headers, 'transfer-encoding') !== undefined : Number(length) > 0;
}

/** Milliseconds after which to ask again where all places are taken: nobody knows when one will be free. */
const PATIENCE = 5000;

export function tooManyTransfers(limit: number): RegistryError {
  return tooManyRequests(`more than ${limit} transfers at once from your address`, 'MAX_TRANSFERS', PATIENCE);
}
