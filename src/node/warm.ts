import { basicLogin } from '../core/basic';
import { printBytes } from '../core/bytes-text';
import { readConfig } from '../core/config';
import { type ImagePlatforms, platformOfMachine } from '../core/image-platform';
import { shorten } from '../core/prefetch';
import { originOf } from '../core/url';
import type { Log, LogFields } from '../shell/log';
import { CommandError, type OpenInnerServer, type Streams } from './commands';
import { SettingFiles } from './files';
import { askPassword } from './password-prompt';
import { type ImageResult, type PrefetchProgress, prefetch } from './prefetch';
import { ProgressBar } from './progress-bar';
import { readSources } from './sources';
import { readWarmArguments, SYNOPSIS, type WarmArguments } from './warm-arguments';
import { openConfigured, type WarmedProxy } from './warm-inside';
import { readImages } from './warm-list';

const HELP = `Usage: ${SYNOPSIS}

Fills the cache with images, so that they are there before anybody pulls them. What is there already is not fetched
again: after a break the same command goes on where it was. Ends with 1 where an image failed; the others are there
all the same.

  IMAGE            as docker pull takes it; without a registry, of the proxy's default one; - reads names, one a line
  --platform LIST  linux/amd64,linux/arm64 or all; without it what runs on this machine
  --url URL        fills the cache of the proxy that runs there; without it the one of this configuration, which is
                   read from the same places as by serve (environment, .env, --config, flags) and must be on disk or S3
  --user NAME      a login, where it is asked for; its password from REGISTRY_PROXY_PASSWORD, or asked for
`;

/** The command `warm`: fills the cache of a running proxy, or of this configuration. */
export async function warm(argv: readonly string[], streams: Streams, open: OpenInnerServer): Promise<void> {
  const given = readWarmArguments(argv);
  if (given.isHelp) {
    streams.stdout.write(HELP);
    return;
  }
  const stopping = new AbortController();
  const stop = () => stopping.abort(new CommandError('stopped: the same command goes on where it was'));
  const images = await readImages(given.names, streams.stdin);
  const authorization = await readLogin(given, streams);
  const faults: string[] = [];
  const proxy = await openProxy(given, streams, open, faults);
  const bar = new ProgressBar(streams.stderr, streams.env ?? {}, images.length);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const results = await prefetch({
      base: proxy.address,
      images,
      platforms: given.platforms ?? usualPlatforms(),
      authorization,
      signal: stopping.signal,
      onProgress: (progress) => show(progress, bar, streams),
    });
    bar.clear();
    // What was fetched last is being stored yet.
    await proxy.close();
    report(results, faults, given, streams);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    bar.clear();
    await proxy.close();
  }
}

function usualPlatforms(): ImagePlatforms {
  return [platformOfMachine(process.arch)];
}

/** The password comes from where it is in no list of processes. */
async function readLogin({ user, names }: WarmArguments, streams: Streams): Promise<string | undefined> {
  if (user === undefined) return undefined;
  const known = streams.env?.REGISTRY_PROXY_PASSWORD;
  if (!known && names.includes('-')) {
    throw new CommandError('--user: set REGISTRY_PROXY_PASSWORD, since the images come by the standard input');
  }
  return basicLogin({ username: user, password: known || (await askPassword(user, streams)) });
}

async function openProxy(
  { url, argv }: WarmArguments,
  streams: Streams,
  open: OpenInnerServer,
  faults: string[],
): Promise<WarmedProxy> {
  if (url) {
    // Its value may be a secret.
    const [idle] = argv.map((argument) => argument.split('=', 1)[0]);
    if (idle !== undefined) throw new CommandError(`${idle}: with --url no setting is read; leave it out`);
    return { address: { url }, close: async () => {} };
  }
  const sources = readSources(argv, streams.env ?? {}, new SettingFiles());
  const config = readConfig(sources.env, argv, sources.file, sources.files);
  for (const note of config.notes) streams.stderr.write(`${note}\n`);
  return openConfigured(config, open, logInto(faults));
}

/** What goes wrong with an image is said of it; of what goes wrong with the store, only the log hears. */
function logInto(faults: string[]): Log {
  const warn = (message: string, { why }: LogFields = {}) => {
    if (message !== 'request') faults.push(why === undefined ? message : `${message}: ${why}`);
  };
  return { debug: () => {}, info: () => {}, warn, error: warn };
}

function show(progress: PrefetchProgress, bar: ProgressBar, { stdout, stderr }: Streams): void {
  const { result } = progress;
  if (result) {
    bar.clear();
    if (result.errors.length > 0) stderr.write(`${result.image}: ${result.errors.join('; ')}\n`);
    else stdout.write(`${lineOf(result)}\n`);
  }
  bar.note(progress, performance.now());
}

function lineOf({ image, digest, fetched, present }: ImageResult): string {
  return `${image}: ${digest}, ${printBytes(fetched)} fetched, ${printBytes(present)} there before`;
}

/** @throws CommandError where an image failed, or is not kept */
function report(
  results: readonly ImageResult[],
  faults: readonly string[],
  { url }: WarmArguments,
  { stderr }: Streams,
): void {
  const failed = results.filter(({ errors }) => errors.length > 0).length;
  const isKept = results.some(({ isCached }) => isCached) || failed === results.length;
  // Of a URL only the origin: its path may hold a secret.
  if (url && !isKept) stderr.write(`${originOf(url)} says nothing of a cache (Cache-Status): is CACHE set there?\n`);
  for (const fault of faults) stderr.write(`${shorten(fault)}\n`);
  if (failed > 0) throw new CommandError(`${failed} of ${results.length} images failed`);
  if (faults.length > 0) throw new CommandError('not all of it is kept: try again when the cache is well');
}
