import type { Capabilities } from './capabilities';
import type { Reading } from './read-upstreams';

/** Present where rows may be changed while the service runs. */
export interface Admin {
  /** Whoever shows it may. */
  readonly token: string;
  /** The JSON file that holds the rows; absent where a key-value store does. */
  readonly file?: string;
}

/** The token stands in a header field of a client's that has no rules for quoting (RFC 6750 section 2.1). */
const TOKEN = /^[A-Za-z0-9\-._~+/]{16,}=*$/;

/** @param hasStore rows come out of a key-value store */
export function readAdmin({ read, faults }: Reading, { rows }: Capabilities, hasStore: boolean): Admin | undefined {
  const token = read('ADMIN_TOKEN');
  if (token === undefined) return undefined;
  const fault = (what: string) => {
    faults.push(`ADMIN_TOKEN=***: ${what}`);
    return undefined;
  };
  if (!TOKEN.test(token)) return fault('expected at least 16 letters, digits and -._~+/');
  const registries = read('REGISTRIES');
  switch (rows) {
    case 'store':
      return hasStore
        ? { token }
        : fault('there is no place for what is changed: bind a KV namespace as REGISTRY_MAPS');
    case 'none':
      return fault('this platform has no files that last: change REGISTRIES, and deploy again');
    case 'file':
      if (registries?.kind === 'file' && /\.json$/i.test(registries.path)) return { token, file: registries.path };
      return fault(
        'changes are written to the file that REGISTRIES names: set it to the path of a JSON file, which may hold {"rows": {}}',
      );
  }
}
