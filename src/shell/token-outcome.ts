import type { ErrandRecord } from './record';

/**
 * What a token server's answer comes to: the document, empty where the token was refused, undefined where none is to be had.
 * @param text of the body; undefined where it is longer than is read of it
 */
export function tokenOutcome(status: number, text: string | undefined, record: ErrandRecord): string | undefined {
  if (status === 200 && text !== undefined) return text;
  record.why = `the token server answers ${status}`;
  return status === 401 || status === 403 ? '' : undefined;
}
