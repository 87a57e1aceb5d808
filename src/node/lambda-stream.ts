import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { LambdaPrelude } from '../core/lambda-answer';
import type { Posting, RuntimeApi } from './lambda-api';

/** Between the prelude and the body. */
const SEPARATOR = '\0'.repeat(8);

/** Milliseconds that the word of a broken body may take, where the platform takes no bytes; then its connection goes. */
const LAST_WORD = 500;

/**
 * Streams an answer at the pace at which the platform takes it. A body that breaks off is said to be broken, never ended
 * as if it were whole.
 * @param filler stands in for a body that has no byte
 * @param cut ends it
 * @returns why not all of it was taken
 */
export async function pour(
  api: RuntimeApi,
  id: string,
  { body }: { readonly body: Readable },
  { head, filler }: { readonly head: LambdaPrelude; readonly filler: string },
  cut: AbortSignal,
): Promise<string | undefined> {
  const posting = api.stream(id);
  const { request, taken } = posting;
  // An answer that comes before all is said is a refusal; then, as where the connection is gone, nobody reads on.
  let isOver = false;
  taken.then(() => {
    isOver = true;
    body.destroy();
  });
  const leave = () => body.destroy(cut.reason);
  cut.addEventListener('abort', leave, { once: true });
  try {
    request.write(JSON.stringify(head) + SEPARATOR);
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (!request.write(chunk)) await drained(posting, cut);
    }
    if (isOver) throw new Error('the platform takes no more of it');
    request.end(bytes === 0 ? filler : '');
  } catch (error) {
    const why = reasonOf(error as Error, isOver, cut);
    if (isOver) request.destroy();
    else await breakOff(api, posting, why);
    return why;
  } finally {
    cut.removeEventListener('abort', leave);
  }
  const status = await settle(posting, cut);
  return status === 202 ? undefined : `the platform says ${status ?? 'nothing'}`;
}

/**
 * The platform's word on an answer that has been sent. One that does not come keeps neither the next invocation nor the end
 * of the process waiting.
 * @returns its status; undefined where none came
 */
export async function settle({ request, taken }: Posting, cut: AbortSignal): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const leave = () => {
    timer = setTimeout(() => request.destroy(), LAST_WORD);
  };
  if (cut.aborted) leave();
  else cut.addEventListener('abort', leave, { once: true });
  try {
    return await taken;
  } finally {
    clearTimeout(timer);
    cut.removeEventListener('abort', leave);
  }
}

async function drained({ request, taken }: Posting, cut: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  try {
    await Promise.race([once(request, 'drain', { signal: AbortSignal.any([waiting.signal, cut]) }), taken]);
  } finally {
    waiting.abort();
  }
}

function reasonOf(error: Error, isOver: boolean, cut: AbortSignal): string {
  if (cut.aborted) return (cut.reason as Error).message;
  return isOver ? 'the platform takes no more of it' : `the body broke off: ${error.message}`;
}

async function breakOff(api: RuntimeApi, posting: Posting, message: string): Promise<void> {
  api.breakOff(posting, { type: 'Proxy.BrokenOff', message });
  const timer = setTimeout(() => posting.request.destroy(), LAST_WORD);
  await posting.taken;
  clearTimeout(timer);
}
