import { cacheOfS3, S3_KEYS } from './distribution-s3';
import { isRecord } from './document-fields';

/** One setting as distribution's configuration file says it. */
export interface Configured {
  /** Sections and key, with dots between. */
  readonly key: string;
  /** The variable of distribution's own that overrides it, which is an alias of one of our settings. */
  readonly name: string;
  readonly text: string;
}

/** What a configuration of distribution holds, in its file or in variables. */
export interface Distribution {
  readonly given: readonly Configured[];
  /** Names of what means nothing here. */
  readonly ignored: readonly string[];
}

/** What is taken over (distribution, "Configuring a registry"). */
const KEYS = [
  'proxy.remoteurl',
  'proxy.username',
  'proxy.password',
  'http.addr',
  'http.host',
  'http.draintimeout',
  'http.tls.certificate',
  'http.tls.key',
  'log.level',
  'log.formatter',
  'auth.htpasswd.realm',
  'auth.htpasswd.path',
  'storage.filesystem.rootdirectory',
  'storage.s3.accesskey',
  'storage.s3.secretkey',
  'proxy.ttl',
];

/** What of a cache goes without saying: it removes what it needs no more, and redirects to nobody unless told. */
const SILENT = ['storage.delete.enabled', 'storage.redirect.disable'];

/** What keeps strangers or listeners out: left out silently, it would open a registry that its owner believes closed. */
const GUARDS: Readonly<Record<string, string>> = {
  auth: 'is not supported: without it everybody who reaches the proxy could use it',
  'http.tls.clientcas': 'is not supported: without it everybody who reaches the proxy could use it',
  'http.tls.letsencrypt': 'is not supported: name a certificate in http.tls.certificate and its key in http.tls.key',
};

const SUPPORTED_VERSION = '0.1';

/** Distribution's rule: `proxy.remoteurl` is overridden by `REGISTRY_PROXY_REMOTEURL`. */
function variableOf(key: string): string {
  return `REGISTRY_${key.toUpperCase().replaceAll('.', '_')}`;
}

/**
 * Reads the content of a config.yml.
 * @param isSetting whether a variable of distribution is the name of one of our settings
 * @param faults gets what is wrong, as `key: what was expected`; never a value
 */
export function readDistributionConfig(
  content: unknown,
  isSetting: (name: string) => boolean,
  faults: string[],
): Distribution {
  const found = { given: [] as Configured[], ignored: [] as string[] };
  const take = (key: string, written: unknown) => {
    // Without the unit that every other duration must have, and not in quotes, as its documentation says it.
    const value = key === 'proxy.ttl' && written === 0 ? '0' : written;
    if (typeof value !== 'string') faults.push(`${key}: expected text; put it in quotes`);
    else if (value.trim() !== '') found.given.push({ key, name: variableOf(key), text: onOneLine(value.trim()) });
  };
  const visit = (section: Readonly<Record<string, unknown>>, above: string) => {
    for (const [name, value] of Object.entries(section)) {
      const key = above === '' ? name : `${above}.${name}`;
      // An empty section is written as a name alone.
      if (value === null || value === undefined || isNoLogin(key, value) || isStore(key, value)) continue;
      if (SILENT.includes(key)) continue;
      if (KEYS.includes(key) && isSetting(variableOf(key))) take(key, value);
      else if (key === 'version') faults.push(...versionFaults(value));
      else if (!isAbove(key, isSetting)) report(key, found.ignored, faults);
      else if (isRecord(value)) visit(value, key);
      else if (key === 'storage' && typeof value === 'string') found.ignored.push(key);
      else faults.push(`${key}: expected a section`);
    }
  };
  if (!isRecord(content)) faults.push('expected sections such as proxy: and http:');
  else {
    visit(content, '');
    const { auth } = content;
    const isLogin = isRecord(auth) && isRecord(auth.htpasswd) && isSetting('REGISTRY_AUTH');
    if (isLogin) found.given.push({ key: 'auth.htpasswd', name: 'REGISTRY_AUTH', text: 'htpasswd' });
    found.given.push(...storesOf(content.storage, faults));
  }
  return found;
}

/** A key file of Google as a password: its line ends mean nothing, and elsewhere passwords have none. */
function onOneLine(text: string): string {
  if (!/^\{[\s\S]*[\r\n]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** `auth: none`, also as a section of that name. */
function isNoLogin(key: string, value: unknown): boolean {
  if (key !== 'auth') return false;
  return value === 'none' || (isRecord(value) && Object.keys(value).join() === 'none');
}

/** What `storesOf` looks at: drivers that no single key describes. */
function isStore(key: string, value: unknown): boolean {
  const [storage, driver, name = ''] = key.split('.');
  if (storage !== 'storage') return false;
  return driver === 'inmemory' || value === 'inmemory' || (driver === 's3' && S3_KEYS.includes(name));
}

function storesOf(storage: unknown, faults: string[]): Configured[] {
  const drivers = isRecord(storage) ? storage : { [String(storage)]: {} };
  const { inmemory, s3 } = drivers;
  const bucket = isRecord(s3) ? cacheOfS3(s3, faults) : undefined;
  return [
    ...(inmemory === undefined ? [] : [{ key: 'storage.inmemory', name: 'CACHE', text: 'memory' }]),
    ...(bucket === undefined ? [] : [{ key: 'storage.s3', name: 'CACHE', text: bucket }]),
  ];
}

/** Whether something below this section is known. */
function isAbove(key: string, isSetting: (name: string) => boolean): boolean {
  const known = [...KEYS.filter((each) => isSetting(variableOf(each))), ...SILENT];
  return (
    known.some((each) => each.startsWith(`${key}.`)) || Object.keys(GUARDS).some((each) => each.startsWith(`${key}.`))
  );
}

function report(key: string, ignored: string[], faults: string[]): void {
  const guard = Object.keys(GUARDS).find((each) => key === each || key.startsWith(`${each}.`));
  // Names are what the file says them to be, and they are printed.
  const name = key.replace(/[^\w.-]/g, '?').slice(0, 100);
  if (guard === undefined) ignored.push(name);
  else faults.push(`${name}: ${GUARDS[guard]}`);
}

function versionFaults(value: unknown): string[] {
  return String(value) === SUPPORTED_VERSION ? [] : [`version: expected ${SUPPORTED_VERSION}`];
}

/** Sections of distribution's configuration, by which its variables are told from ours and from anybody else's. */
const SECTION =
  /^REGISTRY_(AUTH|CATALOG|COMPATIBILITY|HEALTH|HTTP|LOG|LOGLEVEL|MIDDLEWARE|NOTIFICATIONS|POLICY|PROXY|REDIS|REPORTING|STORAGE|VALIDATION)(_|$)/;

/** What Kubernetes sets for a service called registry-http. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$/;

/** Looks for variables of distribution's that are set and that no setting has for an alias. */
export function readDistributionVariables(
  env: Readonly<Record<string, string | undefined>>,
  isSetting: (name: string) => boolean,
  faults: string[],
): Distribution {
  const found = { given: [], ignored: [] as string[] };
  const guards = Object.keys(GUARDS).map((key) => [variableOf(key), GUARDS[key]] as const);
  for (const [name, text] of Object.entries(env)) {
    if (!text?.trim() || !SECTION.test(name) || SERVICE_LINK.test(name) || isSetting(name)) continue;
    if (name === 'REGISTRY_AUTH' && text.trim() === 'none') continue;
    const guard = guards.find(([variable]) => name === variable || name.startsWith(`${variable}_`));
    if (SILENT.some((key) => variableOf(key) === name)) continue;
    if (guard) faults.push(`${name}: ${guard[1]}`);
    else found.ignored.push(name);
  }
  return found;
}

/** What is said of them at the start, one line at most. */
export function distributionNotes(where: string, { ignored }: Distribution): string[] {
  return ignored.length > 0 ? [`${where}: ignored ${ignored.join(', ')}`] : [];
}
