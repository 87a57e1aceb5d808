const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** For people to read: in powers of 1000, as docker prints sizes. */
export function printBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${UNITS[power]}`;
}
