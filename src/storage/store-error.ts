/**
 * - `key`: no digest of a known algorithm, or no usable name
 * - `misuse`: a call that the contract forbids: two writes at once, a write after the end
 * - `range`: begins behind the end of the entry
 * - `digest`, `length`: the bytes are not what was announced
 * - `too-large`: this entry can never be stored here
 * - `full`: there is no room now, even after old entries went
 * - `denied`: the store may not be written, or not be read
 * - `busy`: too many open files or requests; later it may work
 * - `corrupt`: what was stored is no longer what it was; it has been removed
 * - `closed`: the store or this reading has been closed
 * - `io`: anything else
 */
export type StoreFault =
  | 'key'
  | 'misuse'
  | 'range'
  | 'digest'
  | 'length'
  | 'too-large'
  | 'full'
  | 'denied'
  | 'busy'
  | 'corrupt'
  | 'closed'
  | 'io';

/** What every call of a store fails with, and nothing else. A pull goes on without the store then. */
export class StoreError extends Error {
  readonly fault: StoreFault;

  constructor(fault: StoreFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.fault = fault;
  }
}
