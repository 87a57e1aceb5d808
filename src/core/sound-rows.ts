import type { Config } from './config';
import type { Surroundings } from './document-fields';
import type { Env } from './given';
import type { RegistryEntry } from './registry-entry';
import { type Row, type RowState, readRow, rowSurroundings } from './registry-rows';

/** A configuration as it was read, and what is wrong with it. */
export interface ReadConfig {
  readonly config: Config;
  readonly faults: readonly string[];
  /** Of the document that `REGISTRIES` is. */
  readonly rows: readonly Row[];
}

/**
 * Reads a configuration with the rows that are sound.
 * @param read all the rest, with these
 */
export function readWithRows(
  rows: readonly Row[],
  env: Env,
  read: (entries: readonly RegistryEntry[]) => ReadConfig,
): ReadConfig {
  // Such a fault only ever lacks registries: a row is no reason for one.
  const causes = (faults: readonly string[]) => faults.filter((fault) => !fault.startsWith('DENY_IMAGES='));
  let last: { readonly entries: readonly RegistryEntry[]; readonly found: ReadConfig } | undefined;
  const readOnce = (entries: readonly RegistryEntry[]) => {
    // Most often all are sound, and it has been read with all of them.
    if (last?.entries !== entries) last = { entries, found: read(entries) };
    return last.found;
  };
  const { entries, states } = soundRows(rows, rowSurroundings(env), (some) => causes(readOnce(some).faults));
  const { config, ...more } = readOnce(entries);
  return { ...more, config: { ...config, rows: states, notes: [...config.notes, ...rowNotes(states, config)] } };
}

interface SoundRows {
  readonly entries: readonly RegistryEntry[];
  /** Of every row, in the order of their keys. */
  readonly states: readonly RowState[];
}

/**
 * Takes the rows that are sound by themselves and beside each other: one that is not must not take the others down. Of two
 * that contradict each other, the one whose key comes first stays.
 * @param faultsWith of the whole configuration with these
 */
function soundRows(
  rows: readonly Row[],
  around: Surroundings,
  faultsWith: (entries: readonly RegistryEntry[]) => readonly string[],
): SoundRows {
  const found = new Map<string, readonly string[]>();
  const sorted = [...rows].sort(byKey);
  const entries = sorted.flatMap((row) => {
    const faults: string[] = [];
    const entry = readRow(row, around, faults);
    if (faults.length > 0) found.set(row.key, faults);
    return entry ?? [];
  });
  const kept = keepSound(entries, faultsWith, found);
  const names = new Map(entries.map(({ row, name }) => [row, name]));
  const states = sorted.map(({ key }) => {
    const name = names.get(key);
    return { key, ...(name !== undefined && { name }), faults: found.get(key) ?? [] };
  });
  return { entries: kept, states };
}

/** What is said of them when they are read: one line each that is left out, and what leads to none of them. */
function rowNotes(states: readonly RowState[], { publicUrl }: Pick<Config, 'publicUrl'>): string[] {
  const left = states.flatMap(({ faults }) => faults.map((fault) => `left out: ${fault}`));
  const unseen = publicUrl
    ? ['PUBLIC_URL: no other host is looked at then, and no key of a row leads to its registry']
    : [];
  return [...left, ...unseen];
}

/** Halves what brings faults until what is left is one: few are wrong, and reading a configuration takes its time. */
function keepSound(
  entries: readonly RegistryEntry[],
  faultsWith: (entries: readonly RegistryEntry[]) => readonly string[],
  found: Map<string, readonly string[]>,
): readonly RegistryEntry[] {
  if (entries.length === 0 || faultsWith(entries).length === 0) return entries;
  const kept: RegistryEntry[] = [];
  let known = new Set(faultsWith([]));
  const add = (some: readonly RegistryEntry[]) => {
    if (some.length === 0) return;
    const faults = faultsWith([...kept, ...some]);
    const brought = faults.filter((fault) => !known.has(fault));
    if (brought.length === 0) {
      kept.push(...some);
      known = new Set(faults);
    } else if (some.length === 1) {
      found.set(
        some[0].row as string,
        brought.map((fault) => `row ${some[0].row}: ${fault}`),
      );
    } else {
      add(some.slice(0, some.length >> 1));
      add(some.slice(some.length >> 1));
    }
  };
  add(entries);
  return kept;
}

function byKey(one: Row, other: Row): number {
  return one.key < other.key ? -1 : 1;
}
