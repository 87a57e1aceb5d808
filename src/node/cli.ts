import type { Command } from '../core/flags';
import type { Sources } from '../core/given';
import { settings } from '../core/settings';
import { program } from './program';
import { resolvedSettings } from './resolved';
import { usage } from './usage';

/**
 * What a command prints instead of serving.
 * @throws ConfigError where it needs a configuration that has faults
 */
export function answerOf(command: Command, sources: () => Sources): string {
  if (command === 'help') return usage(program, settings);
  if (command === 'version') return `${program} (Node.js ${process.version})\n`;
  return resolvedSettings(sources());
}
