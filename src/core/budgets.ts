import { parseSize } from './cache-readers';
import type { Upstream } from './config';
import type { DocumentFields } from './document-fields';
import { readCount } from './guard-readers';
import type { SettingReader } from './setting-readers';

/** What a day of UTC may come to. Whatever is absent has no limit. */
export interface Budget {
  readonly bytes?: number;
  readonly requests?: number;
}

/** Whatever is absent has no limit. */
export interface Budgets {
  /** Of each client. */
  readonly client?: Budget;
  /** Of each registry, unless it has one of its own. */
  readonly upstream?: Budget;
  /** What becomes of a blob that is over it. */
  readonly action: 'refuse' | 'redirect';
}

export function readBudgets(
  read: SettingReader,
  faults: string[],
  upstreams: readonly Upstream[],
): Budgets | undefined {
  const bytesOf = (name: 'BUDGET_CLIENT_BYTES' | 'BUDGET_UPSTREAM_BYTES') => {
    const bytes = read(name);
    if (bytes === 0) faults.push(`${name}=0: nothing could be pulled; leave it out where there is to be no limit`);
    return bytes;
  };
  const client = budgetOf(bytesOf('BUDGET_CLIENT_BYTES'), read('BUDGET_CLIENT_REQUESTS'));
  const upstream = budgetOf(bytesOf('BUDGET_UPSTREAM_BYTES'), read('BUDGET_UPSTREAM_REQUESTS'));
  const action = read('BUDGET_ACTION') as Budgets['action'];
  if (!client && !upstream && upstreams.every(({ budget }) => !budget)) return undefined;
  return { ...(client && { client }), ...(upstream && { upstream }), action };
}

function budgetOf(bytes: number | undefined, requests: number | undefined): Budget | undefined {
  if (bytes === undefined && requests === undefined) return undefined;
  return { ...(bytes !== undefined && { bytes }), ...(requests !== undefined && { requests }) };
}

/** That of a registry, in place of the common one: the keys `budgetBytes` and `budgetRequests`. */
export function readOwnBudget(fields: DocumentFields): Budget | undefined {
  const bytes = fields.take('budgetBytes', 'a size such as 50g', (text) => parseSize(text) || undefined);
  const requests = fields.take('budgetRequests', 'a whole number from 1', readCount);
  return budgetOf(bytes, requests);
}
