import type { Reading } from './read-upstreams';
import { type RegistryEntry, readEntries } from './registry-entry';
import { type Row, rowsOfDocument } from './registry-rows';

/** What `REGISTRIES` says. */
export interface Registries {
  readonly listed: readonly RegistryEntry[];
  readonly rows: readonly Row[];
}

export function readRegistries({ read, around, document, faults }: Reading): Registries {
  const setting = read('REGISTRIES');
  switch (setting?.kind) {
    case undefined:
      return { listed: [], rows: [] };
    case 'list':
      return { listed: setting.entries, rows: [] };
    case 'document':
      return readDocument(setting.document, 'REGISTRIES', around, faults);
    case 'file':
      try {
        return readDocument(document(setting.path), `REGISTRIES=${setting.path}`, around, faults);
      } catch (error) {
        faults.push(`REGISTRIES=${setting.path}: ${(error as Error).message}`);
        return { listed: [], rows: [] };
      }
  }
}

function readDocument(document: unknown, where: string, around: Reading['around'], faults: string[]): Registries {
  const found: string[] = [];
  const listed = readEntries(document, around, found);
  faults.push(...found.map((fault) => `${where}: ${fault}`));
  return { listed, rows: rowsOfDocument(document) };
}
