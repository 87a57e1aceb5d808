import { existsSync } from 'node:fs';
import { config as readEnvFile } from 'dotenv';
import { ConfigError, readConfig } from '../core/config';
import { readFlags } from '../core/flags';
import { SettingFiles } from './files';
import { createLog } from './log';
import { startServer } from './server';

/** Reads the configuration, serves until SIGTERM or SIGINT, and ends when the last transfer is over. */
async function main(): Promise<void> {
  // A log that nobody reads any more must not end the service.
  process.stdout.on('error', () => {});
  const argv = process.argv.slice(2);
  // What serving is called in distribution, whose users have it in their command line.
  if (argv[0] && argv[0] !== 'serve' && !argv[0].startsWith('-')) {
    const { runCommand } = await import('./commands');
    process.exitCode = await runCommand(argv, process);
    return;
  }
  // Taken before .env is added to it: what the environment says wins, under whichever name.
  const env = { ...process.env };
  const { parsed: file = {} } = existsSync('.env') ? readEnvFile({ quiet: true }) : {};
  const files = new SettingFiles();
  const { command } = readFlags(argv);
  if (command) {
    const { answerOf } = await import('./cli');
    process.stdout.write(answerOf(command, { argv, env, file, files }));
    return;
  }
  const config = readConfig(env, argv, file, files);
  const isTerminal = Boolean(process.stdout.isTTY);
  const format = config.logFormat === 'auto' ? (isTerminal ? 'text' : 'json') : config.logFormat;
  const log = createLog({ level: config.logLevel, format, write: (line) => process.stdout.write(line) });
  for (const note of config.notes) log.warn(note);
  const starting = startServer(config, log);
  // From here on, and not from its start: whoever reads that it listens may tell it to stop at once.
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info('stopping', { signal });
    await (await starting).close();
    log.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await starting;

  process.on('unhandledRejection', (reason) => log.error('unhandled rejection', { why: stackOf(reason) }));
  process.on('uncaughtException', (error) => log.error('uncaught exception', { why: stackOf(error) }));
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    for (const fault of error.faults) process.stderr.write(`configuration: ${fault}\n`);
    process.stderr.write('--help and docs/configuration.md list every setting.\n');
  } else {
    process.stderr.write(
      `${(error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'the port is taken: set PORT to a free one' : stackOf(error)}\n`,
    );
  }
  process.exit(1);
});
