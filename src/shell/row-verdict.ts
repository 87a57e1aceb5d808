import { ConfigError } from '../core/config-error';
import type { Row, RowState } from '../core/registry-rows';
import type { ApiPlace } from './api-place';

/** What a configuration is like with some rows. */
export interface Verdict {
  /** Of the whole, which then cannot be used at all. */
  readonly faults: readonly string[];
  /** Of each row, where the whole can be. */
  readonly states: readonly RowState[];
  /** Registries that are served and are of no row. */
  readonly names: readonly string[];
}

/**
 * What a change of one row brings about: its own faults, those of rows that were sound beside what was there before, and
 * those of the whole.
 */
export function brought(key: string, before: Verdict, after: Verdict): readonly string[] {
  const wasFaulty = (other: string) => before.states.some((state) => state.key === other && state.faults.length > 0);
  return [
    ...after.faults.filter((fault) => !before.faults.includes(fault)),
    ...after.states.flatMap((state) => (state.key === key || !wasFaulty(state.key) ? state.faults : [])),
  ];
}

export function verdictOn(rows: readonly Row[], { read }: ApiPlace): Verdict {
  try {
    const { rows: states, upstreams } = read(rows);
    const taken = new Set(states.map(({ name }) => name));
    return { faults: [], states, names: upstreams.map(({ name }) => name).filter((name) => !taken.has(name)) };
  } catch (error) {
    if (error instanceof ConfigError) return { faults: error.faults, states: [], names: [] };
    throw error;
  }
}
