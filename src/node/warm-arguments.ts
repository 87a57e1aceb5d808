import { readFlags } from '../core/flags';
import { isUserName } from '../core/htpasswd';
import { type ImagePlatforms, PLATFORM_FORM, parseImagePlatforms } from '../core/image-platform';
import { mask } from '../core/setting-readers';
import { parseUrlOrHost } from '../core/setting-values';
import type { Url } from '../core/url';
import { CommandError } from './commands';

export const SYNOPSIS = 'registry-proxy warm [--platform LIST] [--url URL [--user NAME]] [flags of serve] IMAGE…';

export interface WarmArguments {
  readonly isHelp: boolean;
  /** Names of images; `-` stands for those on the standard input. */
  readonly names: readonly string[];
  /** Absent where none are named. */
  readonly platforms?: ImagePlatforms;
  /** A running instance, in place of the configuration. */
  readonly url?: Url;
  readonly user?: string;
  /** Everything else: settings, for the configuration. */
  readonly argv: readonly string[];
}

const OWN = ['platform', 'url', 'user'] as const;

/**
 * Reads the arguments of the command `warm`. Its own flags go before settings of the same name.
 * @throws CommandError; nothing but names of flags and what is no secret gets into it
 */
export function readWarmArguments(all: readonly string[]): WarmArguments {
  const names: string[] = [];
  const argv: string[] = [];
  const own = new Map<string, string>();
  const rest = [...all];
  let isHelp = false;
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, flag, value] = /^--?([a-z]+)(?:=(.*))?$/is.exec(argument) ?? [];
    if (argument === '-' || !argument.startsWith('-')) names.push(argument);
    else if (flag === 'help' || flag === 'h') isHelp = true;
    else if ((OWN as readonly string[]).includes(flag)) own.set(flag, value ?? takeValue(flag, rest));
    else argv.push(argument, ...(takesNext(argument, rest[0]) ? rest.splice(0, 1) : []));
  }
  if (!isHelp && names.length === 0) throw new CommandError(`expected ${SYNOPSIS}`);
  const [platform, url, user] = OWN.map((name) => own.get(name));
  return {
    isHelp,
    names,
    argv,
    ...(platform !== undefined && { platforms: readPlatforms(platform) }),
    ...(url !== undefined && { url: readUrl(url) }),
    ...(user !== undefined && { user: readUser(user) }),
  };
}

function takeValue(flag: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined || value.startsWith('-')) throw new CommandError(`--${flag}: needs a value`);
  return value;
}

/** Only the table of settings knows which flags stand alone, so that what follows is an image's name. */
function takesNext(argument: string, next: string | undefined): boolean {
  if (argument.includes('=') || next === undefined || next.startsWith('-')) return false;
  const faultsOf = (argv: string[]) => readFlags(argv).faults.length;
  return faultsOf([argument, next]) <= faultsOf([argument]);
}

function readPlatforms(text: string): ImagePlatforms {
  const platforms = parseImagePlatforms(text.split(/[\s,]+/).filter(Boolean));
  if (!platforms) throw new CommandError(`--platform=${mask(text)}: expected ${PLATFORM_FORM}`);
  return platforms;
}

function readUrl(text: string): Url {
  const url = parseUrlOrHost(text);
  if (!url)
    throw new CommandError('--url: expected where a proxy runs, without a login in it: https://proxy.example.com');
  return url;
}

function readUser(text: string): string {
  if (!isUserName(text)) throw new CommandError('--user: expected the name of a user');
  return text;
}
