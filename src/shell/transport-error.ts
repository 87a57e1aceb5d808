import type { Failure } from '../core/verbs';

/** A failure on its way from the transport to the core. */
export class TransportError extends Error {
  readonly failure: Failure;

  constructor(kind: Failure['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'TransportError';
    this.failure = { kind, message };
  }
}
