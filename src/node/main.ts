import { type Config, readConfig } from '../core/config';
import { ConfigError } from '../core/config-error';
import { readFlags } from '../core/flags';
import { createLog, type LogOptions } from '../shell/log';
import { SettingFiles } from './files';
import { openInnerServer, startServer } from './server';
import { readSources } from './sources';
import { isTerminalGone } from './terminal';

/** Reads the configuration, serves until SIGTERM or SIGINT, and ends when the last transfer is over. */
async function main(): Promise<void> {
  // A log that nobody reads any more must not end the service.
  process.stdout.on('error', () => {});
  const argv = process.argv.slice(2);
  // What serving is called in distribution, whose users have it in their command line.
  if (argv[0] && argv[0] !== 'serve' && !argv[0].startsWith('-')) {
    const { runCommand } = await import('./commands');
    process.exitCode = await runCommand(argv, process, openInnerServer);
    return;
  }
  const read = (files: SettingFiles) => readSources(argv, process.env, files);
  const { command } = readFlags(argv);
  if (command) {
    const { answerOf } = await import('./cli');
    process.stdout.write(answerOf(command, () => read(new SettingFiles())));
    return;
  }
  // From the start on: unheard, SIGHUP ends a process.
  let onHangUp = () => {};
  process.on('SIGHUP', () => onHangUp());
  const sources = read(new SettingFiles());
  const config = readConfig(sources.env, argv, sources.file, sources.files);
  const options = logOptions(config);
  const log = createLog(options);
  for (const note of config.notes) log.warn(note);
  let reload = async () => {};
  const starting = startServer(config, log, { read: () => read(new SettingFiles()), reload: () => reload() });
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
  const { apply, noteReload } = await starting;
  const { follow } = await import('./reload');
  reload = follow(config, sources, {
    read,
    log,
    note: noteReload,
    apply: async (next) => {
      await apply(next);
      Object.assign(options, logOptions(next));
    },
  });
  onHangUp = () => (isTerminalGone() ? stop('SIGHUP') : reload());
  process.on('unhandledRejection', (reason) => log.error('unhandled rejection', { why: stackOf(reason) }));
  process.on('uncaughtException', (error) => log.error('uncaught exception', { why: stackOf(error) }));
}

function logOptions({ logLevel, logFormat }: Config): LogOptions {
  const automatic = process.stdout.isTTY ? 'text' : 'json';
  const format = logFormat === 'auto' ? automatic : logFormat;
  return { level: logLevel, format, write: (line) => process.stdout.write(line) };
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
