import { StoreError, type StoreFault } from '../storage/store-error';
import type { Log } from './log';

/** Milliseconds for which faults of one kind are only counted: a full disk has one with each blob. */
export const SILENT_TIME = 60_000;

/** The kind of a fault, one of a few: what is no fault of the store itself, a fetch that failed for one, is `other`. */
export function faultOf(error: Error): StoreFault | 'other' {
  return error instanceof StoreError ? error.fault : 'other';
}

/**
 * Says in the log what goes wrong with a store: one line for each kind of fault and minute.
 * @param now milliseconds of any clock that goes on evenly
 */
export function faultReporter(log: Log, now: () => number = () => performance.now()): (error: Error) => void {
  const kinds = new Map<string, { until: number; unsaid: number }>();
  return (error) => {
    const fault = error instanceof StoreError ? error.fault : error.name;
    const { until, unsaid } = kinds.get(fault) ?? { until: 0, unsaid: 0 };
    const isSaid = now() >= until;
    if (isSaid) log.warn('fault of the cache', { fault, why: error.message, ...(unsaid > 0 && { before: unsaid }) });
    kinds.set(fault, isSaid ? { until: now() + SILENT_TIME, unsaid: 0 } : { until, unsaid: unsaid + 1 });
  };
}
