import { get } from 'node:http';
import { isIPv6 } from 'node:net';
import { readConfig } from '../core/config';
import { HEALTH } from '../shell/own-pages';
import { CommandError, type Streams } from './commands';
import { SettingFiles } from './files';
import { readSources } from './sources';

const HELP = `Usage: registry-proxy healthcheck [flags of serve]

Asks the proxy that runs here by this configuration whether it is alive: ends with 0 where it says so, else with 1. For the
health checks of containers, which have no curl: the port is that of PORT, https where TLS_CERT is set.
`;

/** Milliseconds for the whole answer: health checks of containers give a program 30 s by default. */
const DEADLINE = 5_000;

/**
 * The command `healthcheck`.
 * @throws CommandError where the proxy does not answer with 200 in time
 */
export async function healthcheck(argv: readonly string[], streams: Streams): Promise<void> {
  if (argv.some((word) => /^--?h(elp)?$/.test(word))) {
    streams.stdout.write(HELP);
    return;
  }
  const { env, file, files } = readSources(argv, streams.env ?? {}, new SettingFiles());
  const { host, port, tls } = readConfig(env, argv, file, files);
  if (port === 0) throw new CommandError('PORT=0 takes any free port: a health check needs a fixed one');
  const url = `${tls ? 'https' : 'http'}://${hostToAsk(host)}:${port}${HEALTH}`;
  const status = await statusOf(url).catch((error: Error) => {
    throw new CommandError(`${url}: ${error.message}`);
  });
  if (status !== 200) throw new CommandError(`${url}: answers ${status}`);
  streams.stdout.write('ok\n');
}

/** Where it listens on every address, one that this machine itself has. */
function hostToAsk(host: string): string {
  const known = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return isIPv6(known) ? `[${known}]` : known;
}

async function statusOf(url: string): Promise<number | undefined> {
  // The certificate is made out to the name that clients use, and nothing secret is sent or believed.
  const ask = url.startsWith('https:') ? (await import('node:https')).get : get;
  const signal = AbortSignal.timeout(DEADLINE);
  return new Promise((resolve, reject) => {
    const request = ask(url, { agent: false, rejectUnauthorized: false, signal }, (response) => {
      resolve(response.statusCode);
      response.destroy();
    });
    request.on('error', (error) => reject(signal.aborted ? new Error(`no answer in ${DEADLINE / 1000} s`) : error));
  });
}
