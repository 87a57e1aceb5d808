import { statSync } from 'node:fs';
import { parse } from 'dotenv';
import { ConfigError } from '../core/config-error';
import type { Env, Sources } from '../core/given';
import type { SettingFiles } from './files';

const DOTENV = '.env';

/**
 * Everything that settings come from, as it stands now.
 * @param files takes note of the files that are read, `.env` among them, whether they exist or not
 * @throws ConfigError where `.env` cannot be read
 */
export function readSources<F extends SettingFiles>(
  argv: readonly string[],
  env: Env,
  files: F,
): Sources & { readonly files: F } {
  return { argv, env, file: readDotenv(files), files };
}

function readDotenv(files: SettingFiles): Env {
  let text: string;
  try {
    text = files.text(DOTENV);
  } catch (error) {
    // There is none; or it is a folder, as virtual environments of Python are called.
    if (!statSync(DOTENV, { throwIfNoEntry: false })?.isFile()) return {};
    throw new ConfigError([`${DOTENV}: ${(error as Error).message}`]);
  }
  return text === '' ? {} : parse(text);
}
