import { StoreError, type StoreFault } from './store-error';

/** Codes at the end of messages (Cloudflare R2, "Error codes"); what is not among them is `io`. */
const FAULTS: Readonly<Record<string, readonly [StoreFault, string]>> = {
  10002: ['denied', 'it may not be used; see the bindings of the Worker'],
  10003: ['denied', 'it may not be used; see the bindings of the Worker'],
  10006: ['io', 'there is no such bucket; make it (wrangler r2 bucket create), or correct bucket_name'],
  10037: ['digest', 'other bytes arrived than were announced'],
  10039: ['range', 'the range begins behind the end'],
  10042: ['denied', 'the account has no R2; switch it on in the dashboard'],
  10043: ['busy', 'it is not available now'],
  10058: ['busy', 'too many requests, or more than one write a second of one document'],
  100100: ['too-large', 'it takes nothing that large'],
};

/** @param doing what failed, for the message */
export function r2Error(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = /\((\d{5,6})\)\s*$/.exec(message)?.[1] ?? '';
  const [fault, hint] = FAULTS[code] ?? ['io', message.slice(0, 200)];
  return new StoreError(fault, `${doing}: R2 says ${code === '' ? hint : `${code}, ${hint}`}`, error);
}
