import { isRecord } from './document-fields';

/** Stands for a secret that is not shown, and in what comes back for the one that was there. */
export const MASK = '***';

/** What of a row may be seen. Anything else may be a secret under a name that was misspelt. */
const SHOWN: ReadonlySet<string> = new Set([
  'name',
  'url',
  'targetDomain',
  'label',
  'hosts',
  'tokenServer',
  'authEndpoint',
  'default',
  'auth',
  'username',
  'redirect',
  'prefix',
  'timeouts',
  'mirror',
  'plainHttp',
  'allowPrivateAddresses',
]);

/** The same of `cloud`. */
const SHOWN_OF_CLOUD: ReadonlySet<string> = new Set(['type', 'region', 'instanceId', 'as', 'push']);

/** Where a secret goes: to show it somewhere else, it must be known. */
const DESTINATION = ['name', 'url', 'targetDomain', 'tokenServer', 'authEndpoint', 'plainHttp', 'ca', 'cloud'];

type Fields = Readonly<Record<string, unknown>>;

/** A row as it may be shown. */
export function maskRow(row: Fields): Fields {
  return maskFields(row, SHOWN);
}

function maskFields(fields: Fields, shown: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, maskField(key, value, shown)]));
}

function maskField(key: string, value: unknown, shown: ReadonlySet<string>): unknown {
  if (key === 'accounts') return [value].flat().map((each) => (isRecord(each) ? maskFields(each, SHOWN) : MASK));
  if (key === 'cloud' && isRecord(value)) return maskFields(value, SHOWN_OF_CLOUD);
  // The name of a variable is no secret.
  if (typeof value === 'string' && /^\$\{\w+\}$/.test(value)) return value;
  if (!shown.has(key)) return MASK;
  return typeof value === 'string' ? value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i, `$1${MASK}@`) : value;
}

/**
 * Puts what was there where a row holds the mask.
 * @param before the row as it was, if there was one
 * @param faults gets each secret that there is nothing for, and where one would be shown to somebody else than before
 */
export function restoreSecrets(row: Fields, before: Fields | undefined, at: string, faults: string[]): Fields {
  const found: string[] = [];
  const restored = restore(row, before ?? {}, '', found, faults, at);
  const isMoved = DESTINATION.filter((key) => !isSame(mayBeShown(row[key]), mayBeShown(before?.[key])));
  if (found.length > 0 && before && isMoved.length > 0) {
    faults.push(`${at}.${found[0]}: is for another ${isMoved.join(', ')}; say it again, or leave that as it was`);
  }
  return restored;
}

function restore(row: Fields, before: Fields, path: string, found: string[], faults: string[], at: string): Fields {
  const take = (key: string, value: unknown): unknown => {
    const where = `${path}${key}`;
    if (value === MASK) {
      found.push(where);
      if (before[key] === undefined || before[key] === MASK)
        faults.push(`${at}.${where}: ${MASK} stands for what was there, and there was nothing`);
      return before[key];
    }
    const old = before[key];
    if (key === 'accounts') return takeAccounts([value].flat(), [old].flat());
    return isRecord(value) ? restore(value, isRecord(old) ? old : {}, `${where}.`, found, faults, at) : value;
  };
  // Accounts are known by their users: a list may have changed in between.
  const takeAccounts = (accounts: readonly unknown[], old: readonly unknown[]) =>
    accounts.map((each, index) => {
      if (!isRecord(each)) return each;
      const same = old.filter(isRecord).find(({ username }) => username === each.username);
      return restore(each, same ?? {}, `${path}accounts[${index}].`, found, faults, at);
    });
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, take(key, value)]));
}

/** What can be compared of it: a secret that stands behind the mask is the same one. */
function mayBeShown(value: unknown): unknown {
  return isRecord(value) ? maskFields(value, SHOWN_OF_CLOUD) : value;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
