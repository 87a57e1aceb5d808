const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** In powers of 1000, as docker prints sizes. */
export function printBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}
