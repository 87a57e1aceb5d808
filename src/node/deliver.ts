import type { ServerResponse } from 'node:http';
import type { Body } from './body';
import { MAX_TOGETHER, type PumpResult } from './pump';
import type { RequestRecord } from './request-log';

export interface DeliverOptions {
  /** Milliseconds in which the client takes no byte; 0 for no limit. */
  readonly client: number;
  /** Gets the bytes counted. */
  readonly record: Pick<RequestRecord, 'bytes'>;
}

/** Writes a body into the response, at the client's pace, and says how it ended. As `pump`, it never ends the response. */
export async function deliver(
  body: Body,
  res: ServerResponse,
  { client, record }: DeliverOptions,
): Promise<Pick<PumpResult, 'end' | 'why'>> {
  let isCorked = false;
  const uncork = () => {
    if (isCorked) res.uncork();
    isCorked = false;
  };
  const onClose = () => body.close();
  res.on('close', onClose);
  try {
    if (res.destroyed) body.close();
    else if (!(await drained(res, client))) return stalled(client);
    for await (const chunk of body) {
      record.bytes += chunk.length;
      if (!isCorked) {
        isCorked = true;
        res.cork();
        setImmediate(uncork);
      }
      res.write(chunk);
      if (res.writableLength < MAX_TOGETHER) continue;
      uncork();
      if (!(await drained(res, client))) return stalled(client);
    }
    return { end: 'complete' };
  } catch (error) {
    return res.destroyed
      ? { end: 'client-left', why: 'the client left' }
      : { end: 'cut', why: (error as Error).message };
  } finally {
    uncork();
    res.off('close', onClose);
    body.close();
  }
}

function stalled(client: number): Pick<PumpResult, 'end' | 'why'> {
  return { end: 'client-stalled', why: `the client took no byte for ${client / 1000} s` };
}

/** Waits until the client takes bytes again, or is gone; false where it did not in time. */
function drained(res: ServerResponse, within: number): Promise<boolean> {
  if (!res.writableNeedDrain || res.destroyed) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (isDrained: boolean) => {
      clearTimeout(timer);
      res.off('drain', onDrain).off('close', onDrain);
      resolve(isDrained);
    };
    const onDrain = () => settle(true);
    const timer = within > 0 ? setTimeout(settle, within, false) : undefined;
    res.on('drain', onDrain).on('close', onDrain);
  });
}
