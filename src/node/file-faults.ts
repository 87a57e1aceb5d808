const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'the user that the proxy runs as may not read it',
  EPERM: 'the user that the proxy runs as may not read it',
  EISDIR: 'must be a file',
};

/**
 * Why a file that a setting names cannot be read: the end of a sentence.
 * @param maxBytes what it may have at most; above that the reader says EFBIG
 */
export function fileFault(error: unknown, maxBytes: number): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'EFBIG') return `is larger than ${maxBytes / 1024} KiB`;
  return FAULTS[code] ?? 'cannot be read';
}
