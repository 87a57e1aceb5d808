/** Milliseconds, in all, in which this process was not waiting for anything to do. */
export function loopActivity(): number {
  return performance.eventLoopUtilization().active;
}
