import { isDeepStrictEqual } from 'node:util';
import { type Config, readConfig } from '../core/config';
import { ConfigError } from '../core/config-error';
import { flagOf } from '../core/flags';
import { givenSettings, type Sources } from '../core/given';
import { type SettingName, settings } from '../core/settings';
import type { Log } from '../shell/log';
import { SettingFiles, textsOf } from './files';
import { poll } from './poll';

/** What a process cannot change any more once it serves. */
const FIXED: readonly SettingName[] = ['HOST', 'PORT', 'TLS_CERT', 'TLS_KEY', 'HTTP2', 'PLATFORM'];

export interface Reloading {
  /** Reads all sources anew. */
  readonly read: (files: SettingFiles) => Sources;
  /** Requests begin with this configuration from now on. */
  readonly apply: (config: Config) => Promise<void>;
  readonly log: Log;
  /** Told each time that the configuration has been read anew, and whether it could be. */
  readonly note?: (isGood: boolean) => void;
}

type Texts = ReadonlyMap<string, string>;

/**
 * Follows the files that a configuration came from, where the process lives on between requests.
 * @returns what reads it anew at once
 */
export function follow(
  config: Config,
  sources: Sources & { readonly files: SettingFiles },
  reloading: Reloading,
): () => Promise<void> {
  const reloader = new Reloader(config, sources, reloading);
  // A function is frozen between requests, and its files are part of it.
  if (!config.capabilities.gatewayIsPeer) poll(() => reloader.look());
  return () => reloader.reload();
}

/** Follows the files that the configuration came from. A new one that has faults changes nothing. */
export class Reloader {
  readonly #reloading: Reloading;
  readonly #first: Config;
  /** What was written of each setting at the start, and at last. */
  readonly #given: Texts;
  #lastGiven: Texts;
  #config: Config;
  /** What stood in each file when it was last read. */
  #texts: Texts;
  /** What was found to stand there since. */
  #found: Texts | undefined;
  #underWay: Promise<void> = Promise.resolve();

  constructor(config: Config, sources: Sources & { readonly files: SettingFiles }, reloading: Reloading) {
    this.#reloading = reloading;
    this.#first = config;
    this.#config = config;
    this.#given = writtenIn(sources);
    this.#lastGiven = this.#given;
    this.#texts = new Map(sources.files.read);
  }

  /** Reads the configuration anew, at once, and says so even where it is the same. */
  reload(): Promise<void> {
    return this.#enqueue(() => this.#load(true));
  }

  /** Reads it anew if a file has changed, and stood still since the look before: half a file may be valid, and say less. */
  look(): Promise<void> {
    return this.#enqueue(async () => {
      const found = await textsOf(this.#texts.keys());
      const isSettled = isDeepStrictEqual(found, this.#found);
      this.#found = isDeepStrictEqual(found, this.#texts) ? undefined : found;
      if (this.#found && isSettled) await this.#load(false);
    });
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    this.#underWay = this.#underWay.then(task).catch((error: Error) => this.#refuse(error));
    return this.#underWay;
  }

  async #load(isAsked: boolean): Promise<void> {
    const { read, apply, log, note } = this.#reloading;
    const files = new SettingFiles();
    const before = this.#texts;
    this.#found = undefined;
    try {
      const sources = read(files);
      const config = this.#readWhatMayChange(sources);
      const given = writtenIn(sources);
      const changed = differences(this.#lastGiven, given);
      const isSame = isDeepStrictEqual(config, this.#config);
      if (!isSame) await apply(config);
      this.#warn(config, changed, given);
      this.#lastGiven = given;
      this.#config = config;
      this.#texts = new Map(files.read);
      const loose = changed.filter((name) => !isFixed(name));
      const where = differences(before, this.#texts).filter((path) => files.read.has(path));
      if (!isSame) log.info('configuration reloaded', { settings: loose.join(' '), files: where.join(' ') });
      else if (isAsked) log.info('configuration read again, nothing has changed');
      note?.(true);
    } finally {
      // Also of a configuration with faults: another look finds another change.
      this.#texts = new Map([...this.#texts, ...files.read]);
    }
  }

  /** @throws ConfigError with every fault */
  #readWhatMayChange(sources: Sources): Config {
    const { host, port, tls, platform } = this.#first;
    const readAs = (argv: readonly string[]) => readConfig(sources.env, argv, sources.file, sources.files);
    const asWritten = readAs(sources.argv);
    // Much follows from the platform, whom to trust for one.
    const fixed = [...sources.argv, `${flagOf('PLATFORM')}=${platform}`];
    const config = asWritten.platform === platform ? asWritten : readAs(fixed);
    return { ...config, host, port, tls };
  }

  #warn({ notes }: Config, changed: readonly string[], given: Texts): void {
    const { log } = this.#reloading;
    for (const note of notes) if (!this.#config.notes.includes(note)) log.warn(note);
    const held = differences(this.#given, given).filter(isFixed);
    if (changed.some(isFixed) && held.length > 0) {
      log.warn('changed, but only a restart brings it into effect', { settings: held.join(' ') });
    }
  }

  #refuse(error: Error): void {
    const why = error instanceof ConfigError ? error.faults.join('; ') : error.message;
    this.#reloading.note?.(false);
    this.#reloading.log.warn('configuration not reloaded, the one before it stays', { why });
  }
}

/** What decides each setting, as it is written; for comparison only, since it may be secret. */
function writtenIn(sources: Sources): Texts {
  const given = givenSettings(sources, []);
  return new Map(settings.map(({ name }) => [name, JSON.stringify(given[name]?.map(({ text }) => text) ?? [])]));
}

function differences(one: Texts, other: Texts): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((key) => one.get(key) !== other.get(key));
}

function isFixed(name: string): boolean {
  return (FIXED as readonly string[]).includes(name);
}
