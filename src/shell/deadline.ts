/**
 * The outcome of work, where it comes in time. What comes later is not waited for, and its fault is nobody's.
 * @param limit milliseconds
 * @param what is waited for in vain, for the message
 * @param onLate gets what came too late, to give it back
 * @param onLimit called when the time is up
 */
export function inTime<T>(
  work: Promise<T>,
  limit: number,
  what: string,
  onLate?: (late: T) => void,
  onLimit?: () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      onLimit?.();
      reject(new Error(`${what} for ${limit / 1000} s`));
    }, limit);
    const onEnd = (outcome: T) => {
      clearTimeout(timer);
      if (isLate) onLate?.(outcome);
      else resolve(outcome);
    };
    const onFault = (error: unknown) => {
      clearTimeout(timer);
      reject(error);
    };
    work.then(onEnd, onFault);
  });
}
