import type { IncomingMessage } from 'node:http';
import { TransportError } from '../shell/transport-error';
import { tallyOf } from './received';

export interface SmallBody {
  readonly chunks: readonly Buffer[];
  /** True where the body is longer than the limit; it is paused then, and `chunks` hold its start. */
  readonly isLonger: boolean;
}

/**
 * Reads a body up to `limit` bytes.
 * @param within milliseconds for all of it
 * @param signal the client is gone: nobody waits for the body any more
 * @throws TransportError `reset` for a cut body, `timeout`; destroying the rest is the caller's business
 */
export function readSmallBody(
  body: IncomingMessage,
  limit: number,
  within: number,
  signal?: AbortSignal,
): Promise<SmallBody> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const tally = tallyOf(body);
    let size = 0;
    const timer = setTimeout(() => fail(new TransportError('timeout', 'the body did not come in time')), within);
    const stop = () => {
      clearTimeout(timer);
      body.off('data', onData).off('end', onEnd).off('close', onClose);
      signal?.removeEventListener('abort', onLeave);
    };
    const fail = (error: Error) => {
      stop();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (tally) tally.value += chunk.length;
      if (size <= limit) return;
      body.pause();
      stop();
      resolve({ chunks, isLonger: true });
    };
    const onEnd = () => {
      stop();
      if (body.complete) resolve({ chunks, isLonger: false });
      else reject(new TransportError('reset', 'the body was cut'));
    };
    const onClose = () => fail(new TransportError('reset', 'the body was cut'));
    const onLeave = () => fail(new TransportError('reset', 'the client left'));
    body.on('error', onClose).on('end', onEnd).on('close', onClose).on('data', onData);
    signal?.addEventListener('abort', onLeave, { once: true });
    if (signal?.aborted) onLeave();
    else if (body.readableEnded) onEnd();
    else if (body.destroyed) onClose();
  });
}
