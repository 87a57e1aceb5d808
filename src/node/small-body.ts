import type { IncomingMessage } from 'node:http';
import { TransportError } from './failures';

export interface SmallBody {
  readonly chunks: readonly Buffer[];
  /** True where the body is longer than the limit; it is paused then, and `chunks` hold its start. */
  readonly isLonger: boolean;
}

/**
 * Reads a body up to `limit` bytes.
 * @param within milliseconds for all of it
 * @throws TransportError `reset` for a cut body, `timeout`
 */
export function readSmallBody(body: IncomingMessage, limit: number, within: number): Promise<SmallBody> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => fail(new TransportError('timeout', 'the body did not come in time')), within);
    const stop = () => {
      clearTimeout(timer);
      body.off('data', onData).off('end', onEnd).off('close', onClose);
    };
    const fail = (error: Error) => {
      stop();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
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
    body.on('error', onClose).on('end', onEnd).on('close', onClose).on('data', onData);
    if (body.readableEnded) onEnd();
    else if (body.destroyed) onClose();
  });
}
