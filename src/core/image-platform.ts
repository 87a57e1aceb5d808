/** What an image runs on (OCI image index, `platform`). */
export interface ImagePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** `all`: whatever there is, and what is about the images (attestations). */
export type ImagePlatforms = 'all' | readonly ImagePlatform[];

/** For error messages, behind "expected". */
export const PLATFORM_FORM =
  'all, or os/architecture with or without a variant: linux/amd64, linux/arm64, linux/arm/v7';

/** Other names of architectures, as containerd's platforms package has them. */
const ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  armhf: 'arm',
};

/** The variant that is meant where none is named. */
const USUAL_VARIANT: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' };

/** Reads one platform; undefined for what is none. */
export function parseImagePlatform(text: string): ImagePlatform | undefined {
  const [os, written, variant, ...more] = text.toLowerCase().split('/');
  const isWord = (word: string | undefined) => word === undefined || /^[a-z0-9][a-z0-9_.-]{0,31}$/.test(word);
  if (written === undefined || more.length > 0 || ![os, written, variant].every(isWord)) return undefined;
  const architecture = ALIASES[written] ?? written;
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

/**
 * Reads a list of platforms, or `all` alone.
 * @returns undefined where one of them is none
 */
export function parseImagePlatforms(words: readonly string[]): ImagePlatforms | undefined {
  if (words.length === 1 && words[0].toLowerCase() === 'all') return 'all';
  const platforms = words.map(parseImagePlatform);
  return platforms.length > 0 && platforms.every((each) => each !== undefined) ? platforms : undefined;
}

/** Node's names of processors that have other ones in images. */
const PROCESSORS: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/**
 * The platform whose images run on this machine.
 * @param processor as `process.arch` says
 */
export function platformOfMachine(processor: string): ImagePlatform {
  return { os: 'linux', architecture: PROCESSORS[processor] ?? processor };
}

export function printImagePlatform({ os, architecture, variant }: ImagePlatform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/**
 * Those of the offered ones that a machine of this platform takes: of its variants the highest that it can run, as
 * containerd chooses (an image for arm/v6 where there is none for arm/v7).
 */
export function choosePlatforms<Offer extends { readonly platform: ImagePlatform }>(
  offers: readonly Offer[],
  wanted: ImagePlatform,
): Offer[] {
  const fitting = offers.filter(
    ({ platform }) =>
      platform.os === wanted.os && platform.architecture === wanted.architecture && rankOf(platform) <= rankOf(wanted),
  );
  const best = Math.max(...fitting.map(({ platform }) => rankOf(platform)));
  return fitting.filter(({ platform }) => rankOf(platform) === best);
}

function rankOf({ architecture, variant = USUAL_VARIANT[architecture] ?? '' }: ImagePlatform): number {
  return Number(/^v(\d{1,3})/.exec(variant)?.[1] ?? 0);
}
