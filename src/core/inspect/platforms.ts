import type { Place } from '../location';
import { readImageConfig } from './image-config';
import type { ImageManifest, IndexEntry } from './manifest';
import type { PlatformReport } from './report';

/** Platforms of one image that are looked into. */
const MAX_PLATFORMS = 12;

/** The same where each look counts as a pull, and is not kept (docs.docker.com, "Pull usage and limits": a manifest that is got). */
const MAX_COUNTED_PLATFORMS = 2;

/** Layers of a platform that are told of; docker runs no image of more than 125 (moby, layer store, `maxLayerDepth`). */
const MAX_LAYERS = 150;

/** Those that most look for. */
const USUAL = ['linux/amd64', 'linux/arm64', 'linux/arm64/v8'];

/** Which entries of an index are looked into, the usual ones before others, and which are not. */
export function shareOut(
  entries: readonly IndexEntry[],
  { config, route }: Pick<Place, 'config' | 'route'>,
): { readonly chosen: readonly IndexEntry[]; readonly others: readonly IndexEntry[] } {
  const isCounted = route.upstream.name === 'docker.io' && config.cache === undefined;
  const most = isCounted ? MAX_COUNTED_PLATFORMS : MAX_PLATFORMS;
  const isUsual = ({ platform }: IndexEntry) => USUAL.includes(platform);
  const ranked = [...entries.filter(isUsual), ...entries.filter((entry) => !isUsual(entry))];
  const chosen = new Set(ranked.slice(0, most));
  return {
    chosen: entries.filter((entry) => chosen.has(entry)),
    others: entries.filter((entry) => !chosen.has(entry)),
  };
}

/** @param config text of the image's config, where it could be had */
export function describePlatform(
  { layers, config: descriptor }: ImageManifest,
  { digest, platform }: Pick<IndexEntry, 'digest' | 'platform'>,
  config: string | undefined,
): PlatformReport {
  const said = config === undefined ? undefined : readImageConfig(config, layers.length);
  const parts = descriptor ? [descriptor, ...layers] : layers;
  return {
    platform: platform || (said?.platform ?? ''),
    digest,
    size: parts.reduce((sum, { size }) => sum + size, 0),
    ...(said?.created !== undefined && { created: said.created }),
    ...(layers.length > MAX_LAYERS && { omittedLayers: layers.length - MAX_LAYERS }),
    layers: layers.slice(0, MAX_LAYERS).map(({ digest, size, mediaType }, index) => {
      const createdBy = said?.commands[index];
      return { digest, size, mediaType, ...(createdBy && { createdBy }) };
    }),
  };
}
