import { inTime } from '../shell/deadline';
import { StoreError } from './store-error';

/** Milliseconds that R2 may take for an answer. */
const ANSWER = 10_000;

/** Milliseconds that R2 may take for one piece of a body, on its way there or back. */
const PIECE = 10_000;

/** Milliseconds that R2 may take to put the parts of an object together. */
const COMPLETION = 60_000;

/** @throws StoreError `io` where no answer comes in time; `onLate` gets what comes then */
export function answered<T>(work: Promise<T>, onLate?: (late: T) => void): Promise<T> {
  return within(work, ANSWER, 'R2 does not answer', onLate);
}

/** @throws StoreError `io` */
export function moved<T>(work: Promise<T>): Promise<T> {
  return within(work, PIECE, 'R2 moves nothing');
}

/** @throws StoreError `io` */
export function completed<T>(work: Promise<T>): Promise<T> {
  return within(work, COMPLETION, 'R2 does not finish');
}

async function within<T>(work: Promise<T>, limit: number, what: string, onLate?: (late: T) => void): Promise<T> {
  let isOver = false;
  try {
    return await inTime(work, limit, what, onLate, () => {
      isOver = true;
    });
  } catch (error) {
    throw isOver ? new StoreError('io', (error as Error).message) : error;
  }
}
