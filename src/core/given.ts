import { type Named, readConfigFile } from './config-file';
import { distributionNotes, readDistributionVariables } from './distribution-config';
import { type Files, noFiles } from './files';
import { readFlags } from './flags';
import { splitListenAddress } from './listen-address';
import type { Setting } from './setting';
import { mask } from './setting-readers';
import { type SettingName, settings } from './settings';

export type Env = Readonly<Record<string, string | undefined>>;

/** Where settings come from: the first one that names a setting, under whichever of its names, decides it. */
export interface Sources {
  readonly argv: readonly string[];
  readonly env: Env;
  /** The file `.env`. */
  readonly file: Env;
  /** Reads the file that `CONFIG_FILE` names, whose settings come last. */
  readonly files?: Files;
}

/** A setting as somebody wrote it. */
export interface Given {
  readonly from: 'flag' | 'env' | '.env' | 'config.yml';
  /** The flag, variable or key, as it was spelt. */
  readonly as: string;
  /** Path of the file, where a file that a setting names says it. */
  readonly file?: string;
  /** All that stood there: more than `text` where one variable says two things. */
  readonly written: string;
  readonly text: string;
}

/** Every spelling of each setting in the source that decides it; none where it was left empty, which means the default. */
export type GivenSettings = Readonly<Partial<Record<SettingName, readonly Given[]>>>;

/** A setting as its user wrote it: people know it by that name. */
export function spelt(name: SettingName, given: GivenSettings): string {
  return given[name]?.[0]?.as ?? name;
}

/** An alias of two settings at once, as Go programs have it. */
const LISTEN_ADDRESS = 'REGISTRY_HTTP_ADDR';

/** Says of `CACHE` where it is, and not which kind it is. */
const STORE_FOLDER = 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY';

/**
 * Collects who says what about which setting.
 * @param faults gets what cannot even be taken apart
 * @param notes gets what was said in vain
 */
export function givenSettings(
  { argv, env, file, files = noFiles }: Sources,
  faults: string[],
  notes: string[] = [],
): GivenSettings {
  const flags = readFlags(argv);
  faults.push(...flags.faults);
  const layers: readonly (readonly Named[])[] = [
    flags.given.map(({ name, as, text }) => ({ name, from: 'flag', as, written: text.trim(), text: text.trim() })),
    variables(env, 'env'),
    variables(file, '.env'),
  ];
  const split = layers.map((layer) => layer.flatMap((each) => splitOf(each, faults)));
  const above = decide(split);
  const variablesOfDistribution = readDistributionVariables({ ...file, ...env }, isSettingName, faults);
  notes.push(...distributionNotes('environment', variablesOfDistribution));
  const [source] = above.CONFIG_FILE ?? [];
  if (!source) return above;
  const isProxy = [above.REGISTRY_BACKEND, above.REGISTRIES].some((each) => each && each.length > 0);
  const lowest = readConfigFile(source, { files, isSettingName, isProxy }, faults, notes);
  return decide([...split, lowest.flatMap((each) => splitOf(each, faults))]);
}

/** The first layer that names a setting, under whichever of its names, decides it. */
function decide(layers: readonly (readonly Named[])[]): GivenSettings {
  const decided = new Map<SettingName, readonly Named[]>();
  for (const layer of layers) {
    const found = new Map<SettingName, Named[]>();
    for (const each of layer) {
      for (const name of settingsByName().get(each.name) ?? []) found.set(name, [...(found.get(name) ?? []), each]);
    }
    for (const [name, all] of found) if (!decided.has(name)) decided.set(name, all);
  }
  const written = [...decided].map(([name, all]) => [name, all.filter(({ text }) => text !== '')] as const);
  return Object.fromEntries(written);
}

let byName: ReadonlyMap<string, readonly SettingName[]> | undefined;

/** The settings that each name stands for. Made once: a start has no time to look through the table for each name. */
function settingsByName(): ReadonlyMap<string, readonly SettingName[]> {
  if (byName) return byName;
  const made = new Map<string, SettingName[]>();
  for (const { name, aliases = [] } of settings as readonly Setting[]) {
    for (const each of [name, ...aliases]) made.set(each, [...(made.get(each) ?? []), name as SettingName]);
  }
  byName = made;
  return made;
}

function isSettingName(name: string): boolean {
  return settingsByName().has(name);
}

function variables(env: Env, from: Given['from']): Named[] {
  return [...settingsByName().keys()].flatMap((name) => {
    const text = env[name]?.trim();
    return text === undefined ? [] : [{ name, from, as: name, written: text, text }];
  });
}

function splitOf(each: Named, faults: string[]): Named[] {
  if (each.name === STORE_FOLDER) return [each.text === '' ? each : { ...each, text: `disk:${each.text}` }];
  if (each.name !== LISTEN_ADDRESS) return [each];
  if (each.text === '')
    return [
      { ...each, name: 'HOST' },
      { ...each, name: 'PORT' },
    ];
  const address = splitListenAddress(each.text);
  if (!address) {
    const file = each.file === undefined ? '' : `${each.file}: `;
    faults.push(`${file}${each.as}=${mask(each.written)}: expected host:port, [v6]:port or :port`);
    return [];
  }
  const port = { ...each, name: 'PORT', text: address.port };
  return address.host === undefined ? [port] : [{ ...each, name: 'HOST', text: address.host }, port];
}
