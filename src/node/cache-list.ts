import type { Writable } from 'node:stream';
import { printBytes } from '../core/bytes-text';
import type { Entry, Store } from '../storage/store';

/** Prints every entry as it is found, however many there are, and what they are together. */
export async function listCache(store: Store, isJson: boolean, out: Writable): Promise<void> {
  const total = { entries: 0, blobs: 0, documents: 0, bytes: 0 };
  await print(out, isJson ? '{"entries":[' : `${'LAST USE (UTC)'.padEnd(18)}${'SIZE'.padStart(10)}  ENTRY\n`);
  for await (const entry of store.list()) {
    // Whoever reads the list has seen enough, `head` for one.
    if (out.destroyed) return;
    total.entries += 1;
    total[entry.key.kind === 'blob' ? 'blobs' : 'documents'] += 1;
    total.bytes += entry.size;
    await print(out, isJson ? `${total.entries > 1 ? ',' : ''}\n${jsonOf(entry)}` : lineOf(entry));
  }
  const { blobs, documents, bytes } = total;
  const sum = `${blobs} ${blobs === 1 ? 'blob' : 'blobs'} and ${documents} ${documents === 1 ? 'document' : 'documents'}`;
  await print(out, isJson ? `\n],"total":${JSON.stringify(total)}}\n` : `${sum}, ${printBytes(bytes)}\n`);
}

function jsonOf({ key, size, usedAt }: Entry): string {
  const name = key.kind === 'blob' ? key.digest : key.name;
  return JSON.stringify({ kind: key.kind, name, size, lastUse: new Date(usedAt).toISOString() });
}

/** Names of documents come from requests, and may hold what a terminal obeys. */
function lineOf({ key, size, usedAt }: Entry): string {
  const name = key.kind === 'blob' ? key.digest : key.name.replace(/\p{C}/gu, '?');
  const time = new Date(usedAt).toISOString().slice(0, 16).replace('T', ' ');
  return `${time.padEnd(18)}${printBytes(size).padStart(10)}  ${name}\n`;
}

/** Waits for a slow reader; one that is gone is no reason to wait. */
function print(out: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (out.write(text) || out.destroyed) return resolve();
    const go = () => {
      out.off('drain', go).off('close', go);
      resolve();
    };
    out.once('drain', go).once('close', go);
  });
}
