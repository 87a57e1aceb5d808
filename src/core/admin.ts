import type { Capabilities } from './capabilities';
import type { Reading } from './read-upstreams';

/** Present where somebody may look into the service, and change rows, while it runs. */
export interface Admin {
  /** Whoever shows it may. */
  readonly token: string;
  /** There is a place for rows that are changed. */
  readonly changesRows: boolean;
  /** The JSON file that holds the rows; absent where a key-value store does. */
  readonly file?: string;
}

/** @param hasStore rows come out of a key-value store */
export function readAdmin({ read, notes }: Reading, { rows }: Capabilities, hasStore: boolean): Admin | undefined {
  const token = read('ADMIN_TOKEN');
  if (token === undefined) return undefined;
  // Without a place for rows it still lets its owner have images explained.
  const without = (what: string): Admin => {
    notes.push(`ADMIN_TOKEN: rows cannot be changed by /-/api/registries: ${what}`);
    return { token, changesRows: false };
  };
  const registries = read('REGISTRIES');
  switch (rows) {
    case 'store':
      return hasStore ? { token, changesRows: true } : without('bind a KV namespace as REGISTRY_MAPS');
    case 'none':
      return without('this platform has no files that last; change REGISTRIES, and deploy again');
    case 'file':
      if (registries?.kind === 'file' && /\.json$/i.test(registries.path)) {
        return { token, changesRows: true, file: registries.path };
      }
      return without('REGISTRIES is not the path of a JSON file, which may hold {"rows": {}}');
  }
}
