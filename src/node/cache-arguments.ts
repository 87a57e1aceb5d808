import { parseSize } from '../core/cache-readers';
import { mask } from '../core/setting-readers';
import { parsePeriod } from '../core/setting-values';
import { parseDigest } from '../storage/key';
import { CommandError } from './commands';

/** What is to be done with a cache. */
export type CacheTask =
  | { readonly kind: 'help' }
  | { readonly kind: 'ls'; readonly isJson: boolean }
  /** Everything where no digests are named. */
  | { readonly kind: 'verify'; readonly digests: readonly string[] }
  /** Bytes, and milliseconds. */
  | { readonly kind: 'prune'; readonly maxBytes?: number; readonly unused?: number };

export interface CacheArguments {
  readonly task: CacheTask;
  /** Everything else: settings, for the configuration. */
  readonly argv: readonly string[];
}

const SYNOPSIS = 'registry-proxy cache ls|verify|prune; cache --help says more';

/**
 * Reads the arguments of the command `cache`.
 * @throws CommandError
 */
export function readCacheArguments([name = '', ...all]: readonly string[]): CacheArguments {
  const isHelp = (argument: string) => /^--?(help|h)$/i.test(argument);
  if ([name, ...all].some(isHelp)) return { task: { kind: 'help' }, argv: [] };
  switch (name) {
    case 'ls': {
      const argv = all.filter((argument) => !/^--?json$/i.test(argument));
      return { task: { kind: 'ls', isJson: argv.length < all.length }, argv };
    }
    case 'verify': {
      const digests = all.filter((argument) => /^sha\d+:/.test(argument));
      const wrong = digests.find((digest) => !parseDigest(digest));
      if (wrong !== undefined)
        throw new CommandError(`${mask(wrong)}: expected a whole digest, sha256:<64 hex digits>`);
      return { task: { kind: 'verify', digests }, argv: all.filter((argument) => !digests.includes(argument)) };
    }
    case 'prune': {
      const argv = [...all];
      const maxBytes = take(argv, 'max-size', parseSize, 'bytes: 256m, 10g, or a number without a unit');
      const unused = take(argv, 'unused', parsePeriod, 'a duration: 12h, 30d');
      const limits = { ...(maxBytes !== undefined && { maxBytes }), ...(unused !== undefined && { unused }) };
      return { task: { kind: 'prune', ...limits }, argv };
    }
    default:
      throw new CommandError(`expected ${SYNOPSIS}`);
  }
}

/** Takes a flag and its value out of the arguments. */
function take<T>(
  argv: string[],
  flag: string,
  parse: (text: string) => T | undefined,
  expected: string,
): T | undefined {
  const pattern = new RegExp(`^--?${flag}(?:=(.*))?$`, 'i');
  const at = argv.findIndex((argument) => pattern.test(argument));
  if (at < 0) return undefined;
  const inside = pattern.exec(argv[at])?.[1];
  const [, text = inside ?? ''] = argv.splice(at, inside === undefined ? 2 : 1);
  const value = parse(text);
  if (value === undefined) throw new CommandError(`--${flag}=${mask(text)}: expected ${expected}`);
  return value;
}
