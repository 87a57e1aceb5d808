import type { Row } from '../core/registry-rows';

/** Bytes of one row. */
export const MAX_ROW = 64 * 1024;

/** Rows at most: all of them are read for each configuration. */
export const MAX_ROWS = 1000;

/** Where rows are kept. Each call throws a RegistryError 503 that says what is wrong with the place. */
export interface RowStore {
  /** Does what is to be done without any other change in between, as far as the store can. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** As they stand there now, as far as the store can tell. */
  list(): Promise<readonly Row[]>;
  /**
   * @param before the text that it replaces; undefined where there was none
   * @returns false where something else stands there by now, which is left as it is
   */
  put(row: Row, before: string | undefined): Promise<boolean>;
  /** @returns false as `put` does */
  delete(row: Row): Promise<boolean>;
}
