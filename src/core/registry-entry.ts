import { type Account, accountId, headerAccount } from './account';
import { type Budget, readOwnBudget } from './budgets';
import { readCloudAccount } from './cloud-account';
import type { Timeouts } from './config';
import { DELIVERIES, type Delivery } from './delivery-setting';
import { DocumentFields, isRecord, type Surroundings } from './document-fields';
import { isWildcard, parseNameOrWildcard } from './registries-setting';
import { mask } from './setting-readers';
import { parseMilliseconds, parseRegistryName, parseRepository, parseSecret, parseUrlOrHost } from './setting-values';
import { parseUrl, type Url } from './url';

/** A registry as a line or a document describes it; what is left out follows from the rest. */
export interface RegistryEntry {
  readonly name: string;
  readonly url?: Url;
  /** Key of the row that describes it, where one does. */
  readonly row?: string;
  /** First label of host names that stand for it. */
  readonly label?: string;
  /** Whole host names that stand for it. */
  readonly hosts?: readonly string[];
  /** Its token server, whatever its challenges name. */
  readonly tokenServer?: Url;
  readonly isDefault?: boolean;
  readonly auth?: 'relay' | 'proxy';
  readonly accounts?: readonly Account[];
  readonly redirect?: 'pass' | 'rewrite' | 'follow';
  readonly delivery?: Delivery;
  readonly prefix?: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Certificates in PEM form. */
  readonly ca?: string;
  readonly mirror?: boolean;
  readonly budget?: Budget;
  readonly plainHttp?: boolean;
  readonly allowPrivate?: boolean;
}

/** What somebody may have forgotten to indent: a password would be a host name then, and be printed. */
const KEYS: ReadonlySet<string> = new Set([
  'username',
  'password',
  'passwordFile',
  'authHeader',
  'accounts',
  'cloud',
  'url',
  'targetDomain',
  'tokenServer',
  'authEndpoint',
  'label',
  'hosts',
  'auth',
  'prefix',
]);

/**
 * Reads `{ name: entry }`, `{ registries: … }`, or a list of names and of entries with a `name`. What stands in `rows` beside them
 * is for `rowsOfDocument`.
 */
export function readEntries(document: unknown, around: Surroundings, faults: string[]): RegistryEntry[] {
  if (isRecord(document) && isRecord(document.rows) && !('registries' in document)) {
    const others = Object.keys(document).filter((key) => key !== 'rows');
    faults.push(...others.map((key) => `${mask(key).slice(0, 80)}: stands beside rows: put it below registries`));
    return [];
  }
  if (isRecord(document) && 'registries' in document && !isRecord(document.rows ?? {}))
    faults.push('rows: expected a mapping of keys');
  const inner = isRecord(document) && 'registries' in document ? document.registries : document;
  const listed = Array.isArray(inner)
    ? inner.map((each) => (isRecord(each) ? ([each.name, each] as const) : ([each, {}] as const)))
    : Object.entries(isRecord(inner) ? inner : {});
  const isEmpty = listed.length === 0 && !(isRecord(document) && isRecord(document.rows));
  if (isEmpty) faults.push('names no registry: expected a mapping of names, or a list');
  return listed.flatMap(([given, value]) => {
    const name = typeof given === 'string' ? parseNameOrWildcard(given) : undefined;
    if (name === undefined) {
      const shown = typeof given === 'string' || typeof given === 'number' ? given : typeof given;
      faults.push(`${mask(JSON.stringify(shown)).slice(0, 80)}: expected the name of a registry`);
      return [];
    }
    if (KEYS.has(given as string)) {
      faults.push(`${given}: is a key of a registry, where a registry's name belongs; indent it`);
      return [];
    }
    const record = isRecord(value) ? value : typeof value === 'string' ? { url: value } : {};
    if (!isRecord(value ?? {}) && typeof value !== 'string')
      faults.push(`${name}: expected a mapping of keys, or a URL`);
    return [readEntry(name, new DocumentFields(name, record, around, faults), around)];
  });
}

/** Where it is; `targetDomain` is what other proxies call it. */
export function readAddress(fields: DocumentFields): Url | undefined {
  return one(fields, 'url', 'targetDomain', (key) =>
    fields.take(key, 'an http(s) URL or a host name without credentials, query or fragment', parseUrlOrHost),
  );
}

/** A key under either of its names. */
function one<T>(fields: DocumentFields, name: string, other: string, take: (key: string) => T | undefined) {
  if (!fields.has(other)) return take(name);
  return fields.has(name) ? fields.fault(other, `stands beside ${name}: keep one of them`) : take(other);
}

export function readEntry(name: string, fields: DocumentFields, around: Surroundings): RegistryEntry {
  fields.has('name');
  const entry: RegistryEntry = {
    name,
    url: readAddress(fields),
    label: fields.take('label', 'the first label of a host name, in lower case', parseLabel),
    hosts: readHosts(fields),
    tokenServer: one(fields, 'tokenServer', 'authEndpoint', (key) =>
      fields.take(key, 'the URL of a token server: https://auth.example.com/token', parseUrl),
    ),
    isDefault: fields.flag('default'),
    auth: fields.choice('auth', 'relay', 'proxy'),
    accounts: readAccounts(name, fields, around),
    redirect: fields.choice('redirect', 'pass', 'rewrite', 'follow'),
    delivery: fields.choice('delivery', ...DELIVERIES),
    prefix: fields.take('prefix', 'a repository path', parseRepository),
    timeouts: readTimeouts(fields),
    ca: readCertificates(fields),
    plainHttp: fields.flag('plainHttp'),
    mirror: fields.flag('mirror'),
    budget: readOwnBudget(fields),
    allowPrivate: fields.flag('allowPrivateAddresses'),
  };
  if (isWildcard(name)) checkWildcard(entry, fields);
  if (entry.url?.scheme === 'http' && entry.plainHttp === false) fields.fault('plainHttp', 'is false, and url is http');
  if (entry.accounts && entry.auth === 'relay')
    fields.fault('auth', 'relay leaves the login to clients; take it or the login out');
  fields.refuseOthers();
  return entry;
}

/** Anybody can open a registry below such a domain, and would be shown the login. */
function checkWildcard(entry: RegistryEntry, fields: DocumentFields): void {
  const { url, accounts, hosts, isDefault, label, tokenServer } = entry;
  if (accounts) fields.fault('username', 'a login needs one host: name the registry in full');
  if (url) fields.fault('url', 'a name with * stands for many hosts and has no address');
  if (label !== undefined) fields.fault('label', 'a name with * stands for many registries');
  if (tokenServer) fields.fault('tokenServer', 'a name with * stands for many registries, each with its own');
  if (hosts || isDefault) fields.fault(hosts ? 'hosts' : 'default', 'a name with * stands for many registries');
}

/** One label of a host name (RFC 1123 section 2.1), in the case that hosts are compared in. */
export function parseLabel(text: string): string | undefined {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text) ? text : undefined;
}

function readHosts(fields: DocumentFields): readonly string[] | undefined {
  if (!fields.has('hosts')) return undefined;
  return fields.list('hosts').flatMap((item) => item.take('value', 'a host name without a port', parseHostName) ?? []);
}

/** Clients' hosts are compared without their port: one with a port would never be met, and lead to the default registry. */
function parseHostName(text: string): string | undefined {
  return text.includes(':') ? undefined : parseRegistryName(text);
}

function readAccounts(name: string, fields: DocumentFields, around: Surroundings): readonly Account[] | undefined {
  const accounts = [fields, ...fields.list('accounts')].flatMap((each) => readAccount(each, each === fields) ?? []);
  const ids = accounts.map(accountId);
  if (new Set(ids).size < ids.length) fields.fault('accounts', 'names a user twice');
  const cloud = fields.mapping('cloud');
  if (!cloud) return accounts.length > 0 ? accounts : undefined;
  if (accounts.length > 0) return fields.fault('cloud', 'stands beside another login: keep one of them');
  const host = readAddress(fields)?.hostname ?? name.replace(/:\d+$/, '');
  const account = readCloudAccount(cloud, { host, ...around });
  return account && [{ kind: 'cloud', account }];
}

function readAccount(fields: DocumentFields, isEntry: boolean): Account | undefined {
  const username = fields.take('username', 'text without control characters', parseFilled);
  const file = fields.file('passwordFile')?.replace(/\r?\n$/, '');
  const password = fields.take('password', 'text that is not empty', parseFilled) ?? file;
  if (file === '') fields.fault('passwordFile', 'the file is empty');
  const header = fields.take('authHeader', 'the value of an Authorization field', parseFilled);
  if (!isEntry) fields.refuseOthers();
  if (header !== undefined) {
    if (username !== undefined) fields.fault('authHeader', 'stands beside username: keep one of them');
    return headerAccount(header);
  }
  if (username === undefined && password === undefined)
    return isEntry ? undefined : fields.fault('username', 'is missing');
  if (username !== undefined && password !== undefined) return { kind: 'login', username, password };
  return fields.fault(username === undefined ? 'username' : 'password', 'is missing');
}

/** A variable that is empty where the secret should be must not pass for one. */
function parseFilled(text: string): string | undefined {
  return parseSecret(text) || undefined;
}

const DEADLINES = ['connect', 'response', 'retry', 'stall'] as const;

function readTimeouts(fields: DocumentFields): Partial<Timeouts> | undefined {
  const [group] = fields.list('timeouts');
  if (!group) return undefined;
  const pairs = DEADLINES.map((key) => [key, group.take(key, 'a duration such as 20s', parseMilliseconds)] as const);
  for (const [key, value] of pairs) {
    if (value === 0 && key !== 'retry')
      group.fault(key, 'must be more than 0, or a dead upstream would hold a pull for ever');
  }
  group.refuseOthers();
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

function readCertificates(fields: DocumentFields): string | undefined {
  const text = fields.file('ca');
  if (text === undefined || text.includes('-----BEGIN CERTIFICATE-----')) return text;
  return fields.fault('ca', 'holds no certificate in PEM form');
}
