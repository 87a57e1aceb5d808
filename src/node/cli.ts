import type { Command } from '../core/flags';
import type { Sources } from '../core/given';
import { settings } from '../core/settings';
import { resolvedSettings } from './resolved';
import { usage } from './usage';

/** Name and version from package.json, put in by the build; from source there is no build to speak of. */
declare const PROGRAM: string;
const program = typeof PROGRAM === 'undefined' ? 'registry-proxy-serverless, from source' : PROGRAM;

/**
 * What a command prints instead of serving.
 * @throws ConfigError where it needs a configuration that has faults
 */
export function answerOf(command: Command, sources: () => Sources): string {
  if (command === 'help') return usage(program, settings);
  if (command === 'version') return `${program} (Node.js ${process.version})\n`;
  return resolvedSettings(sources());
}
