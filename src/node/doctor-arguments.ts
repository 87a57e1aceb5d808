import { isUserName } from '../core/htpasswd';
import { IMAGE_FORM, type ImageName, parseImageName } from '../core/image-name';
import { type ImagePlatforms, PLATFORM_FORM, parseImagePlatform } from '../core/image-platform';
import { mask } from '../core/setting-readers';
import { parseUrlOrHost } from '../core/setting-values';
import type { Url } from '../core/url';
import { CommandError } from './commands';

export const SYNOPSIS =
  'registry-proxy doctor [URL] [--image NAME] [--user NAME [--password-stdin]] [--platform OS/ARCH] [--push] [--json] [--lang en|zh]';

export interface DoctorArguments {
  readonly isHelp: boolean;
  /** Absent for the instance on this machine. */
  readonly url?: Url;
  readonly image?: ImageName;
  readonly user?: string;
  readonly isPasswordPiped: boolean;
  readonly platforms?: ImagePlatforms;
  readonly isPush: boolean;
  readonly isJson: boolean;
  readonly language?: 'en' | 'zh';
}

/** The exit code for a command that cannot be understood. */
const MISUSED = 2;

const WITH_VALUE = ['image', 'user', 'platform', 'lang'];
const ALONE = ['help', 'h', 'password-stdin', 'push', 'json'];

/**
 * Reads the arguments of the command `doctor`.
 * @throws CommandError with the exit code 2
 */
export function readDoctorArguments(all: readonly string[]): DoctorArguments {
  const rest = [...all];
  const urls: string[] = [];
  const values = new Map<string, string>();
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, flag = '', value] = /^--?([a-z-]+)(?:=(.*))?$/is.exec(argument) ?? [];
    if (!argument.startsWith('-')) urls.push(argument);
    else if (ALONE.includes(flag) && value === undefined) values.set(flag, '');
    else if (WITH_VALUE.includes(flag)) values.set(flag, value ?? rest.shift() ?? '');
    else throw misused(`${mask(argument.split('=', 1)[0] as string)}: unknown flag`);
  }
  if (urls.length > 1) throw misused('one URL at most');
  const [url] = urls;
  const read = <T>(name: string, parse: (text: string) => T | undefined, form: string): T | undefined => {
    const text = values.get(name);
    const parsed = text === undefined ? undefined : parse(text);
    if (text !== undefined && parsed === undefined) throw misused(`--${name}: expected ${form}`);
    return parsed;
  };
  const parsed = url === undefined ? undefined : parseUrlOrHost(url);
  // What stands there may hold a login.
  if (url !== undefined && !parsed)
    throw misused('expected a URL without a login in it, such as https://r.example.com');
  const user = read('user', (text) => (isUserName(text) ? text : undefined), 'the name of a user');
  if (values.has('password-stdin') && user === undefined) throw misused('--password-stdin: name the user by --user');
  return {
    isHelp: values.has('help') || values.has('h'),
    url: parsed,
    image: read('image', parseImageName, IMAGE_FORM),
    user,
    isPasswordPiped: values.has('password-stdin'),
    platforms: read('platform', readPlatform, PLATFORM_FORM),
    isPush: values.has('push'),
    isJson: values.has('json'),
    language: read('lang', readLanguage, 'en or zh'),
  };
}

function readPlatform(text: string): ImagePlatforms | undefined {
  const platform = parseImagePlatform(text);
  return platform && [platform];
}

function readLanguage(text: string): 'en' | 'zh' | undefined {
  return text === 'en' || text === 'zh' ? text : undefined;
}

export function misused(message: string): CommandError {
  return new CommandError(`${message}\n${SYNOPSIS}`, MISUSED);
}
