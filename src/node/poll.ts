/** Milliseconds between two looks at files that may change. */
export const RELOAD_INTERVAL = 5_000;

/**
 * Looks at files time and again, but never before the last look is over. Events of the file system get lost where a file
 * is replaced by renaming, behind the symbolic links that Kubernetes turns over, and on network file systems.
 * @param look compares content, since a time of change may stay the same; it must not throw
 * @returns what makes an end of it
 */
export function poll(look: () => Promise<void>): () => void {
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look().finally(() => {
      isLooking = false;
    });
  }, RELOAD_INTERVAL).unref();
  return () => clearInterval(timer);
}
