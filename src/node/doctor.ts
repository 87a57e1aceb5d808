import { basicLogin } from '../core/basic';
import { readConfig } from '../core/config';
import { ConfigError } from '../core/config-error';
import { textOf } from '../core/doctor/answers';
import { type Finding, hasFailed } from '../core/doctor/finding';
import { languageOfLocale, wordsIn } from '../core/doctor/language';
import { findingFields, printEnd, printFindings } from '../core/doctor/print';
import { judge } from '../core/doctor/report';
import { completeFor, smallImageFor } from '../core/doctor/small-image';
import { type ImageName, parseImageName } from '../core/image-name';
import { platformOfMachine } from '../core/image-platform';
import { originOf, type Url } from '../core/url';
import type { Door } from '../shell/doctor-door';
import { walk } from '../shell/doctor-walk';
import { CommandError, type Streams } from './commands';
import { type DoctorArguments, misused, readDoctorArguments, SYNOPSIS } from './doctor-arguments';
import { openDoctorDoor } from './doctor-door';
import { SettingFiles } from './files';
import { askPassword } from './password-prompt';
import { readSources } from './sources';

const HELP = `Usage: ${SYNOPSIS}

Pulls an image's first pieces from an instance, or from any registry, as clients do, and says of each step what it saw,
what is wrong, and what to set. Ends with 0 where all is well, 1 where something fails, 2 where it is called wrongly.

  URL               where clients find it; without it the instance on this machine (PORT)
  --image NAME      as docker pull takes it; without it a small public one that fits
  --user NAME       a login; its password from REGISTRY_PROXY_PASSWORD, or asked for
  --password-stdin  its password is the first line of the standard input
  --platform P      of an image with several: linux/arm64; without it what runs on this machine
  --push            begins uploads into the image's repository, of up to 120 MB, and gives them up: says what goes through
  --json            for programs
  --lang en|zh      without it by LC_ALL, LC_MESSAGES, LANG
`;

/** Milliseconds for all of it. */
const RUN_TIME = 600_000;

/** Bytes of the page at `/` that are read. */
const MAX_PAGE = 64 * 1024;

/**
 * The command `doctor`: says what stands in the way of a pull.
 * @returns 1 where something does
 */
export async function doctor(argv: readonly string[], streams: Streams): Promise<number> {
  const given = readDoctorArguments(argv);
  if (given.isHelp) {
    streams.stdout.write(HELP);
    return 0;
  }
  const target = given.url ?? ownAddress(streams);
  const login = await readLogin(given, streams);
  const door = openDoctorDoor(AbortSignal.timeout(RUN_TIME));
  try {
    const image = given.image ?? (await findImage(target, door));
    const evidence = await walk({
      target,
      image: image.registry === undefined ? { ...image, repository: completeFor(image.repository, target) } : image,
      platforms: given.platforms ?? [platformOfMachine(process.arch)],
      login,
      push: given.isPush,
      door,
    });
    const findings = judge(evidence);
    streams.stdout.write(print(findings, given, streams, originOf(target), image.text));
    return hasFailed(findings) ? 1 : 0;
  } finally {
    door.close();
  }
}

/** Of a URL only the origin is printed: its path may hold a secret. */
function print(
  findings: readonly Finding[],
  { isJson, language }: DoctorArguments,
  { env = {} }: Streams,
  url: string,
  image: string,
): string {
  const words = wordsIn(language ?? languageOfLocale(env));
  if (isJson) {
    const all = findings.map((finding) => findingFields(finding, words));
    return `${JSON.stringify({ url, image, ok: !hasFailed(findings), findings: all }, undefined, 2)}\n`;
  }
  return [...printFindings(findings, words), printEnd(findings, words, url, image), ''].join('\n');
}

/** Where the instance of this machine listens, by the same settings that it reads. */
function ownAddress({ env = {} }: Streams): Url {
  const local = { hostname: '127.0.0.1', path: '', query: '' };
  try {
    const { env: all, file, files } = readSources([], env, new SettingFiles());
    const { port, tls } = readConfig(all, [], file, files);
    return { ...local, scheme: tls ? 'https' : 'http', port };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(`${error.message}\nname the instance: ${SYNOPSIS}`, 2);
  }
}

async function readLogin({ user, isPasswordPiped }: DoctorArguments, streams: Streams): Promise<string | undefined> {
  if (user === undefined) return undefined;
  const known = isPasswordPiped ? undefined : streams.env?.REGISTRY_PROXY_PASSWORD;
  return basicLogin({ username: user, password: known || (await askPassword(user, streams)) });
}

/** @throws CommandError where none is known that would be there */
async function findImage(target: Url, door: Door): Promise<ImageName> {
  const seen = await door.ask({
    method: 'GET',
    url: { ...target, path: `${target.path}/` },
    headers: [],
    take: MAX_PAGE,
    keep: MAX_PAGE,
  });
  // Where nothing answers, or what stands in front says that, the steps before an image tell why.
  const isGone = seen.failure !== undefined || (seen.status ?? 0) >= 500;
  const name = smallImageFor(target, textOf(seen.start)) ?? (isGone ? 'library/hello-world:latest' : undefined);
  const image = name === undefined ? undefined : parseImageName(name);
  if (!image) throw misused('--image: name an image that is there');
  return image;
}
