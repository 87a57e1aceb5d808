import { accountId } from './account';
import type { Upstream } from './config';
import type { Route } from './route';
import { originOf } from './url';

/** By whose right content came: it is shown to nobody who has another one. */
export type Holder = 'client' | 'account' | 'nobody';

export function holderOf({ auth, accounts }: Upstream): Holder {
  if (auth === 'relay') return 'client';
  return accounts.length > 0 ? 'account' : 'nobody';
}

/**
 * A repository in the names of documents. The registry's address is part of it, and so is by which accounts it is asked: what
 * a setting made readable yesterday is not what another one makes readable today.
 */
export function repositoryName({ upstream, repository }: Pick<Route, 'upstream' | 'repository'>): string {
  const holder = holderOf(upstream);
  const by = holder === 'account' ? upstream.accounts.map(accountId).join(',') : holder;
  return `${placeOf(upstream)} ${by} ${repository}`;
}

/** Says that everybody may pull the repository; true whoever asks. */
export function publicName({ upstream, repository }: Pick<Route, 'upstream' | 'repository'>): string {
  return `public ${placeOf(upstream)} ${repository}`;
}

export function tagName(route: Route): string {
  return `tag ${repositoryName(route)} ${route.reference}`;
}

/** Says that the repository has this manifest or blob, and what kind of manifest it is. */
export function linkName(route: Route, digest: string): string {
  return `${route.kind === 'manifest' ? 'manifest' : 'blob'} ${repositoryName(route)} ${digest}`;
}

/** Whether a document that `linkName` named is about a manifest, which is small. */
export function isManifestLink(name: string): boolean {
  return name.startsWith('manifest ');
}

function placeOf({ name, url }: Upstream): string {
  return `${name} ${originOf(url)}${url.path === '' ? '' : `/${markOf(url.path)}`}`;
}

/** Tells paths apart without showing them: that of a far instance may be its secret, and names are stored and listed. FNV-1a, 32 bits. */
function markOf(path: string): string {
  let mark = 0x811c9dc5;
  for (const character of path) mark = Math.imul(mark ^ (character.codePointAt(0) as number), 0x01000193);
  return (mark >>> 0).toString(16).padStart(8, '0');
}
