import { nearest } from './nearest';
import type { Setting } from './setting';
import { mask } from './setting-readers';
import { readBoolean } from './setting-values';
import { settings } from './settings';

/** What is done instead of serving. */
export type Command = 'help' | 'version' | 'print-config';

export interface Flag {
  /** The setting, or one of its aliases, that it stands for. */
  readonly name: string;
  /** As the user wrote it, with its dashes. */
  readonly as: string;
  readonly text: string;
}

export interface Flags {
  readonly command?: Command;
  readonly given: readonly Flag[];
  readonly faults: readonly string[];
}

const COMMANDS: readonly Command[] = ['help', 'version', 'print-config'];

/** The README that made people use flags at all spells it so. */
const MISSPELT: Readonly<Record<string, string>> = { 'registery-host': 'REGISTRY_HOST' };

/** Short for a setting whose whole name would be odd as a flag. */
const SHORT: Readonly<Record<string, string>> = { config: 'CONFIG_FILE' };

/** `REGISTRY_BACKEND` is `--registry-backend`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

/**
 * Reads command line arguments. Each setting and each of its aliases is a flag, with one dash or two, in kebab-case or
 * camelCase, with its value behind `=` or as the next argument. Of a repeated flag the last one counts. `serve PATH` in
 * front of them is what registry (distribution) is started with, and means `--config PATH`.
 */
export function readFlags(argv: readonly string[]): Flags {
  if (argv.length === 0) return { given: [], faults: [] };
  const known = knownFlags();
  const given = new Map<string, Flag>();
  const faults: string[] = [];
  const commands = new Set<string>();
  const rest = [...argv];
  if (rest[0] === 'serve') {
    rest.shift();
    if (isValue(rest[0])) given.set('config', { name: SHORT.config, as: 'serve', text: rest.shift() as string });
  }
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const match = /^--?([a-z][^=]*)(?:=(.*))?$/is.exec(argument);
    if (!match) {
      faults.push(`"${mask(argument)}": unexpected argument`);
      continue;
    }
    const as = argument.slice(0, argument.length - (match[2] === undefined ? 0 : match[2].length + 1));
    const flag = kebabOf(match[1]);
    const takeValue = () => match[2] ?? (isValue(rest[0]) ? rest.shift() : undefined);
    const positive = flag.replace(/^no-/, '');
    if (flag === 'h' || COMMANDS.includes(flag as Command)) {
      commands.add(flag === 'h' ? 'help' : flag);
    } else if (known.has(flag)) {
      const { name, isBoolean, isPresence } = known.get(flag) as Known;
      const isAlone = (isBoolean || isPresence) && match[2] === undefined && readBoolean(rest[0] ?? '') === undefined;
      const text = isAlone ? 'true' : takeValue();
      if (text === undefined) faults.push(`${as}: needs a value`);
      else given.set(flag, { name, as, text: isPresence && readBoolean(text) === false ? '' : text });
    } else if (positive !== flag && known.get(positive)?.isBoolean) {
      if (match[2] !== undefined) faults.push(`${as}: takes no value`);
      given.set(positive, { name: (known.get(positive) as Known).name, as, text: 'false' });
    } else {
      // What follows is its value: one mistake is one fault.
      takeValue();
      faults.push(`${mask(as)}: unknown flag${suggestion(flag, known)}`);
    }
  }
  return { command: COMMANDS.find((command) => commands.has(command)), given: [...given.values()], faults };
}

interface Known {
  readonly name: string;
  readonly isBoolean: boolean;
  /** Any value of the variable switches it on; of a flag nobody expects that `=false` does. */
  readonly isPresence?: boolean;
}

function knownFlags(): Map<string, Known> {
  const table: readonly Setting[] = settings;
  const named = table.flatMap(({ name, kind, aliases = [] }) =>
    [name, ...aliases].map((each) => {
      const known: Known = { name: each, isBoolean: kind === 'boolean', isPresence: (kind as string) === 'presence' };
      return [flagOf(each).slice(2), known] as const;
    }),
  );
  const others = Object.entries({ ...SHORT, ...MISSPELT }).map(
    ([flag, name]) => [flag, { name, isBoolean: false }] as const,
  );
  return new Map([...named, ...others]);
}

function kebabOf(flag: string): string {
  return flag.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}

function isValue(argument: string | undefined): boolean {
  return argument !== undefined && !argument.startsWith('-');
}

function suggestion(flag: string, known: ReadonlyMap<string, Known>): string {
  const negated = [...known].filter(([, { isBoolean }]) => isBoolean).map(([name]) => `no-${name}`);
  const candidates = [...known.keys(), ...negated, ...COMMANDS].filter((candidate) => !(candidate in MISSPELT));
  const near = nearest(flag.replaceAll('_', '-'), candidates);
  return near === undefined ? '' : `; did you mean --${near}?`;
}
