import { printBytes } from '../core/bytes-text';
import type { CacheConfig } from '../core/cache-config';
import { readConfig } from '../core/config';
import { blob } from '../storage/key';
import type { Entry, Key, Store } from '../storage/store';
import { StoreError } from '../storage/store-error';
import { type CacheTask, readCacheArguments } from './cache-arguments';
import { listCache } from './cache-list';
import { CommandError, type Streams } from './commands';
import { SettingFiles } from './files';
import { readSources } from './sources';
import { openStore } from './stores';

const HELP = `Usage: registry-proxy cache ls [--json]
       registry-proxy cache verify [DIGEST…]
       registry-proxy cache prune [--max-size SIZE] [--unused TIME]

Looks after the cache of the configuration that a server in this place would have: environment, .env, --config and all other
flags. The server may run meanwhile.

  ls      lists what is kept: time of last use, size, and digest or name; --json prints one JSON document
  verify  reads everything, or these blobs, and removes what is no longer what was stored; exit code 1 if there was any
  prune   removes what was used longest ago, down to a size (10g), and what nobody has used for a time (30d);
          without a flag, what CACHE_MAX_SIZE and CACHE_INACTIVE say
`;

/**
 * The command `cache`.
 * @throws CommandError
 * @throws ConfigError where the configuration has faults
 */
export async function cache(argv: readonly string[], streams: Streams): Promise<void> {
  const { task, argv: flags } = readCacheArguments(argv);
  if (task.kind === 'help') {
    streams.stdout.write(HELP);
    return;
  }
  const sources = readSources(flags, streams.env ?? {}, new SettingFiles());
  const { cache: config } = readConfig(sources.env, flags, sources.file, sources.files);
  if (!config) throw new CommandError('nothing is kept here: set CACHE or CACHE_DIR as the server has it');
  if (config.place.kind === 'memory') {
    throw new CommandError('CACHE=memory: what is kept is in the memory of the server, where nobody else can look');
  }
  const onFault = (error: Error) => {
    if (!(error instanceof StoreError && error.fault === 'corrupt')) streams.stderr.write(`${error.message}\n`);
  };
  const store = await openStore(config.place, { onFault });
  try {
    await perform(task.kind === 'prune' ? withLimits(task, config) : task, store, streams);
  } catch (error) {
    throw error instanceof StoreError ? new CommandError(error.message) : error;
  } finally {
    await store.close();
  }
}

type Prune = Extract<CacheTask, { kind: 'prune' }>;

/** What the configuration says, where the command line says nothing. */
function withLimits(task: Prune, { place, inactive }: CacheConfig): Prune {
  if (task.maxBytes !== undefined || task.unused !== undefined) return task;
  // The store knows its own size.
  if (inactive === 0 && !('maxBytes' in place)) {
    throw new CommandError('nothing says what should go: name --max-size or --unused');
  }
  return inactive === 0 ? task : { ...task, unused: inactive };
}

async function perform(task: Exclude<CacheTask, { kind: 'help' }>, store: Store, streams: Streams): Promise<void> {
  switch (task.kind) {
    case 'ls':
      return listCache(store, task.isJson, streams.stdout);
    case 'verify':
      return verify(store, task.digests, streams);
    case 'prune': {
      const { maxBytes, unused } = task;
      const pruned = await store.prune({
        ...(maxBytes !== undefined && { maxBytes }),
        ...(unused !== undefined && { usedBefore: Date.now() - unused }),
      });
      streams.stdout.write(`removed ${count(pruned.entries)}, ${printBytes(pruned.bytes)}\n`);
    }
  }
}

async function verify(store: Store, digests: readonly string[], { stdout, stderr }: Streams): Promise<void> {
  const entries = digests.length > 0 ? await found(store, digests.map(blob)) : await all(store);
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  const ofAll = `${count(entries.length)}, ${printBytes(total)}`;
  let [done, bytes, wrong] = [0, 0, 0];
  for (const { key, size } of entries) {
    if (stderr.isTTY) stderr.write(`\r\x1b[K${done} of ${ofAll}: ${printBytes(bytes)}`);
    const verdict = await store.verify(key);
    if (verdict === 'wrong') {
      wrong += 1;
      if (stderr.isTTY) stderr.write('\r\x1b[K');
      stdout.write(`wrong, and removed: ${nameOf(key)}\n`);
    }
    done += 1;
    bytes += size;
  }
  if (stderr.isTTY) stderr.write('\r\x1b[K');
  if (wrong > 0) throw new CommandError(`${wrong} of ${ofAll} were wrong, and have been removed`);
  stdout.write(`${ofAll}: all of it is what was stored\n`);
}

async function found(store: Store, keys: readonly Key[]): Promise<Entry[]> {
  const entries = await Promise.all(keys.map((key) => store.stat(key)));
  const absent = keys.filter((_, index) => !entries[index]).map(nameOf);
  if (absent.length > 0) throw new CommandError(`not in the cache: ${absent.join(', ')}`);
  return entries as Entry[];
}

async function all(store: Store): Promise<Pick<Entry, 'key' | 'size'>[]> {
  const entries: Pick<Entry, 'key' | 'size'>[] = [];
  for await (const { key, size } of store.list()) entries.push({ key, size });
  return entries;
}

function count(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`;
}

function nameOf(key: Key): string {
  return key.kind === 'blob' ? key.digest : JSON.stringify(key.name);
}
