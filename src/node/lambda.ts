import { type Config, readConfig } from '../core/config';
import { ConfigError } from '../core/config-error';
import { createLog, type Log } from '../shell/log';
import { CommandError, type OpenInnerServer, type Streams } from './commands';
import { SettingFiles } from './files';
import { RuntimeApi } from './lambda-api';
import { serveInvocation } from './lambda-exchange';
import type { InnerServer } from './server';
import { readSources } from './sources';

/** Milliseconds between an answer and the next request for what is to be told to others: until that comes the function stands still. */
const FLUSH_TIME = 2_000;

const HELP = `Usage: registry-proxy lambda [flags]

Serves the invocations of an AWS Lambda function, by its URL or an API Gateway. It is what deploy/aws/bootstrap starts;
it needs AWS_LAMBDA_RUNTIME_API, which the platform sets, and reads its settings as serve does.
`;

/**
 * The command `lambda`: one invocation after another, until the platform ends it. Listens nowhere.
 * @throws CommandError outside of AWS Lambda; ConfigError; Error where the platform's API is gone
 */
export async function lambda(argv: readonly string[], streams: Streams, open: OpenInnerServer): Promise<void> {
  if (argv.some((argument) => ['--help', '-h'].includes(argument))) {
    streams.stdout.write(HELP);
    return;
  }
  const place = streams.env?.AWS_LAMBDA_RUNTIME_API;
  if (!place) {
    throw new CommandError(
      'AWS_LAMBDA_RUNTIME_API is not set: this command serves inside AWS Lambda (deploy/aws/README.md); elsewhere it is serve',
    );
  }
  const api = new RuntimeApi(place);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGTERM', stop).once('SIGINT', stop);
  try {
    const { config, log, inner } = await start(argv, streams, open, api);
    const cutting = new AbortController();
    stopping.signal.addEventListener('abort', () => {
      log.info('stopping');
      const over = () => cutting.abort(new Error('the process ends'));
      setTimeout(over, config.timeouts.shutdown).unref();
    });
    const flush = () => inner.flush(FLUSH_TIME);
    await serveAll({ api, serve: inner.serve, log, flush }, stopping.signal, cutting.signal);
    await inner.close();
    log.info('stopped');
  } finally {
    process.off('SIGTERM', stop).off('SIGINT', stop);
    api.close();
  }
}

/** What keeps the proxy from starting is told to the platform, which shows it to whoever deployed it. */
async function start(argv: readonly string[], streams: Streams, open: OpenInnerServer, api: RuntimeApi) {
  try {
    const sources = readSources(argv, streams.env ?? {}, new SettingFiles());
    const config = readConfig(sources.env, argv, sources.file, sources.files);
    const log = logTo(streams, config);
    for (const note of config.notes) log.warn(note);
    const inner: InnerServer = await open(config, log);
    log.info('serving AWS Lambda', {
      registries: config.upstreams.map(({ name }) => name).join(' '),
      platform: config.platform,
      node: process.version,
    });
    return { config, log, inner };
  } catch (error) {
    const message = error instanceof ConfigError ? error.faults.join('; ') : (error as Error).message;
    await api.failStart({ type: 'Proxy.Start', message }).catch(() => {});
    throw error;
  }
}

function logTo({ stdout }: Streams, { logLevel, logFormat }: Config): Log {
  const log = createLog({
    level: logLevel,
    format: logFormat === 'text' ? 'text' : 'json',
    write: (line) => stdout.write(line),
  });
  // One invocation's fault is not the next one's.
  process.on('unhandledRejection', (reason) => log.error('unhandled rejection', { why: stackOf(reason) }));
  process.on('uncaughtException', (error) => log.error('uncaught exception', { why: stackOf(error) }));
  return log;
}

async function serveAll(
  lambda: Parameters<typeof serveInvocation>[0] & { flush(): Promise<void> },
  stopping: AbortSignal,
  cutting: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const invocation = await lambda.api.next(stopping).catch((error: Error) => {
      if (stopping.aborted) return undefined;
      throw error;
    });
    if (!invocation) continue;
    await serveInvocation(lambda, invocation, cutting);
    await lambda.flush();
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
