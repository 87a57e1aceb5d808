import { type Account, accountId, headerAccount, type Login } from './account';
import type { Capabilities } from './capabilities';
import { readCloudAccount } from './cloud-account';
import type { Timeouts, Upstream } from './config';
import type { Deliveries } from './delivery-setting';
import { DocumentFields, type Surroundings } from './document-fields';
import type { Gate } from './gate';
import { type GivenSettings, spelt } from './given';
import { isGoogleRegistry } from './google-account';
import type { Guards } from './guards';
import { type Common, describeUpstream, registryName } from './registries';
import { registryConflicts } from './registry-conflicts';
import type { RegistryEntry } from './registry-entry';
import type { SettingReader } from './setting-readers';
import { isSameOwner } from './trust';
import { hostOf, hrefOf, type Url } from './url';

export interface Reading {
  readonly read: SettingReader;
  readonly given: GivenSettings;
  readonly around: Surroundings;
  readonly document: (path: string) => unknown;
  /** Of the platform; undefined where there is no such platform. */
  readonly capabilities: Capabilities | undefined;
  readonly faults: string[];
  /** Things to say at the start. */
  readonly notes: string[];
}

/** What is known before the registries are. */
export interface Around {
  readonly timeouts: Timeouts;
  readonly gate: Gate | undefined;
  readonly guards: Guards;
}

/** The default first, then the others; several ones make the proxy authenticate, since clients know one realm a host. */
export function readUpstreams(
  reading: Reading,
  { timeouts, gate, guards }: Around,
  registries: { readonly listed: readonly RegistryEntry[]; readonly rows: readonly RegistryEntry[] },
): [Upstream, ...Upstream[]] {
  const { read, faults } = reading;
  const entries = mergeRows(registries.listed.map(known), registries.rows.map(known));
  const backend = read('REGISTRY_BACKEND');
  const backendName = registryName(read('REGISTRY_NAME') ?? (backend && hostOf(backend)) ?? 'invalid');
  const first = defaultEntry(reading, entries, backend, backendName);
  const more = entries.filter(({ name }) => name !== first.name);
  const common = {
    proxyRedirect: read('PROXY_REDIRECT') as boolean,
    handleRedirect: read('HANDLE_REDIRECT') as boolean,
    deliveries: read('DELIVERY') as Deliveries,
    allowPrivate: read('ALLOW_PRIVATE_ADDRESSES'),
    isRelayed: more.length === 0 && !gate?.users.size,
    timeouts,
  };
  const [upstream, ...others] = withoutDoubtfulLabels([first, ...more], markMirrors([first, ...more], common));
  faults.push(...registryConflicts(entries, [upstream, ...others], backendName, reading));
  const isLeft = [upstream, ...others].find(({ auth }) => auth === 'relay' && gate?.users.size);
  if (isLeft) faults.push(`${isLeft.name}.auth: relay needs the logins that HTPASSWD_FILE takes for the proxy itself`);
  if (!gate && !guards.allowClients) checkOpenness([upstream, ...others], reading);
  return [upstream, ...others];
}

function known(entry: RegistryEntry): RegistryEntry {
  return { ...entry, name: registryName(entry.name) };
}

/** Of one registry the row wins, but which one is the default it must say itself to change it. */
function mergeRows(listed: readonly RegistryEntry[], rows: readonly RegistryEntry[]): readonly RegistryEntry[] {
  const before = new Map(listed.map((entry) => [entry.name, entry]));
  const replaced = rows.map((row) => ({ ...row, isDefault: row.isDefault ?? before.get(row.name)?.isDefault }));
  const taken = new Set(rows.map(({ name }) => name));
  return [...listed.filter(({ name }) => !taken.has(name)), ...replaced];
}

/** A label that an entry names is of that entry, also where it is how another registry is usually called. */
function withoutDoubtfulLabels(entries: readonly RegistryEntry[], all: readonly Upstream[]): readonly Upstream[] {
  const named = new Set(entries.map(({ label }) => label));
  return all.map((each, index) => {
    const isTaken = entries[index].label === undefined && named.has(each.label);
    return isTaken ? { ...each, label: undefined } : each;
  });
}

/** What is at one address under several names must be told which one is meant, or gives one's images under the name of another. */
function markMirrors(entries: readonly RegistryEntry[], common: Common): readonly Upstream[] {
  const all = entries.map((entry) => describeUpstream(entry, common));
  // One registry that is asked by several rights is no mirror.
  const places = new Map<string, number>();
  for (const { accounts, url } of all) {
    if (accounts.length === 0) places.set(hrefOf(url), (places.get(hrefOf(url)) ?? 0) + 1);
  }
  const isShared = ({ accounts, url }: Upstream) => accounts.length === 0 && (places.get(hrefOf(url)) ?? 0) > 1;
  return all.map((each, index) => {
    const mirror = entries[index].mirror ?? (each.mirror || isShared(each));
    return { ...each, mirror };
  });
}

/** What `REGISTRY_BACKEND` and its companions say, and what REGISTRIES says of the same registry. */
function defaultEntry(
  reading: Reading,
  entries: readonly RegistryEntry[],
  backend: Url | undefined,
  backendName: string,
): RegistryEntry {
  const { read, given, faults } = reading;
  const isGiven = (given.REGISTRY_BACKEND?.length ?? 0) > 0;
  const marked = entries.filter(({ isDefault }) => isDefault);
  const name = marked.length > 0 && !isGiven ? marked[0].name : backendName;
  const listed = entries.find((entry) => entry.name === name);
  const accounts = readAccounts(reading, backend);
  const prefix = read('REPO_PREFIX');
  if (listed?.row !== undefined) return defaultRow(listed, { backend, accounts, prefix }, reading);
  if (isGiven && listed?.url && backend && hrefOf(listed.url) !== hrefOf(backend)) {
    faults.push(`${spelt('REGISTRY_BACKEND', given)} and REGISTRIES have two addresses for ${name}: keep one of them`);
  }
  if (accounts && listed?.accounts)
    faults.push(`${spelt('REGISTRY_USERNAME', given)} and REGISTRIES both hold a login for ${name}`);
  return {
    ...listed,
    name,
    ...(isGiven || !listed ? { url: listed?.url ?? backend } : {}),
    ...(accounts && { accounts }),
    ...(prefix !== undefined && { prefix }),
  };
}

/** What the settings say of the default registry. */
interface Backend {
  readonly backend: Url | undefined;
  readonly accounts: readonly Account[] | undefined;
  readonly prefix: string | undefined;
}

/**
 * The default registry as a row describes it. A login of the settings goes with it only to the address that it was written
 * for: whoever may write rows is not shown it by naming another one.
 */
function defaultRow(row: RegistryEntry, { backend, accounts, prefix }: Backend, { notes }: Reading): RegistryEntry {
  const url = row.url ?? backend;
  const isSame = url !== undefined && backend !== undefined && isSamePlace(url, backend);
  const isKnown = isSame && (!row.tokenServer || isSameOwner(row.tokenServer, url));
  if (!isKnown) {
    if (accounts ?? prefix)
      notes.push(`row ${row.row}: its address is its own, and the login and prefix of the settings are not for it`);
    return row;
  }
  return { ...row, url, accounts: row.accounts ?? accounts, prefix: row.prefix ?? prefix };
}

function isSamePlace(one: Url, other: Url): boolean {
  const isSameHost = registryName(hostOf(one)) === registryName(hostOf(other));
  return isSameHost && one.scheme === other.scheme && one.path === other.path;
}

/** The logins at the default registry. */
function readAccounts(reading: Reading, backend: Url | undefined): readonly Account[] | undefined {
  const { read, given, faults } = reading;
  const username = read('REGISTRY_USERNAME');
  const password = read('REGISTRY_PASSWORD');
  const more = read('REGISTRY_ACCOUNTS') ?? [];
  const header = read('AUTH_HEADER');
  if ((username === undefined) !== (password === undefined)) {
    const [present, absent] = [spelt('REGISTRY_USERNAME', given), spelt('REGISTRY_PASSWORD', given)];
    faults.push(`${present} and ${absent} belong together: set both or neither`);
  }
  const login: Login[] =
    username === undefined || password === undefined ? [] : [{ kind: 'login', username, password }];
  const logins = [...login, ...more];
  const ids = logins.map(accountId);
  if (new Set(ids).size < ids.length) faults.push('REGISTRY_ACCOUNTS names a user twice');
  if (header === undefined) return logins.length > 0 ? logins : readGoogle(reading, backend);
  if (logins.length > 0)
    faults.push(`AUTH_HEADER stands beside ${spelt('REGISTRY_USERNAME', given)}: keep one of them`);
  return [headerAccount(header)];
}

/** Many machines have the variable set for something else. */
function readGoogle({ read, around, faults, notes }: Reading, backend: Url | undefined): Account[] | undefined {
  const path = read('GOOGLE_APPLICATION_CREDENTIALS');
  if (path === undefined || !backend) return undefined;
  if (!isGoogleRegistry(backend.hostname)) {
    notes.push(`GOOGLE_APPLICATION_CREDENTIALS is not used: ${backend.hostname} is no registry of Google`);
    return undefined;
  }
  const fields = new DocumentFields(
    'GOOGLE_APPLICATION_CREDENTIALS',
    { type: 'google', credentials: path },
    around,
    faults,
  );
  const account = readCloudAccount(fields, { host: backend.hostname, ...around });
  return account && [{ kind: 'cloud', account }];
}

/** What a login opens is open to everybody who can reach the proxy, so it takes a word that says that this is meant. */
function checkOpenness(upstreams: readonly Upstream[], { read, given, faults }: Reading): void {
  const opened = upstreams.find(({ accounts }) => accounts.length > 0);
  if (!opened || read('ANONYMOUS_PULL')) return;
  const isListed = read('REGISTRY_USERNAME') === undefined;
  const what = isListed ? `the login for ${opened.name}` : spelt('REGISTRY_USERNAME', given);
  faults.push(
    `${what} lets everybody who can reach the proxy pull what that login may pull: set ANONYMOUS_PULL=true if that is meant, or HTPASSWD_FILE to have them log in`,
  );
}
