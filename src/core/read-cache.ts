import type { CacheConfig, StorePlace, TagName } from './cache-config';
import type { CacheChoice } from './cache-readers';
import type { Upstream } from './config';
import { type GivenSettings, spelt } from './given';
import { nameForClients } from './names';
import type { Reading } from './read-upstreams';
import { readS3Place } from './s3-place-reader';
import type { Setting } from './setting';
import { mask } from './setting-readers';
import { type SettingName, settings } from './settings';
import { lifetimeOf, type TagLifetimes } from './tag-lifetimes';
import { findUpstream } from './upstreams';

/** Bytes of a store at least: no entry of a memory may be larger than a quarter, and a manifest may have 4 MiB. */
const MIN_SIZE = 16 * 1024 * 1024;

/** Bytes of a store in memory, unless it is told otherwise. */
const MEMORY_SIZE = 256 * 1024 * 1024;

/** Milliseconds for which a signed URL is good at most (AWS Signature Version 4, "X-Amz-Expires"). */
const MAX_REDIRECT = 7 * 24 * 3_600_000;

/** Milliseconds for tags of which `CACHE_TAG_TTL` says nothing: its default. */
const TAG_LIFETIME = 60_000;

/** Bytes of a blob in R2, unless it is told otherwise. */
const R2_BLOB = 4 * 1024 ** 3;

/** Bytes that R2 takes in one request (Cloudflare R2, "Limits"). Larger ones would take hundreds, which a Worker may not make. */
const MAX_R2_BLOB = 5 * 1024 ** 3 - 5 * 1024 ** 2;

/** What means nothing without a cache. */
const COMPANIONS: readonly SettingName[] = [
  'CACHE_MAX_SIZE',
  'CACHE_MAX_BLOB',
  'CACHE_TAG_TTL',
  'CACHE_STALE',
  'CACHE_STALE_MISSING',
  'CACHE_NEGATIVE_TTL',
  'CACHE_INACTIVE',
  'CACHE_REDIRECT',
  'CACHE_ACCESS_KEY',
  'CACHE_SECRET_KEY',
];

/** Undefined where nothing is kept. */
export function readCache(reading: Reading, upstreams: readonly Upstream[]): CacheConfig | undefined {
  const { read, given, faults, notes } = reading;
  const before = faults.length;
  const choice = chooseStore(reading);
  const lifetimes = read('CACHE_TAG_TTL') ?? { rules: [] };
  const settled = {
    stale: read('CACHE_STALE') ?? 0,
    staleMissing: read('CACHE_STALE_MISSING') ?? false,
    negative: read('CACHE_NEGATIVE_TTL') ?? 0,
    inactive: read('CACHE_INACTIVE') ?? 0,
  };
  const maxBlob = readMaxBlob(reading, choice);
  const redirect = readRedirect(reading, choice);
  const place = readPlace(reading, choice);
  if (choice.kind === 'none' && faults.length === before) notes.push(...idleNotes(given));
  if (!place || faults.length > before) return undefined;
  return {
    place,
    tagLifetime: lifetimeIn(lifetimes, upstreams),
    ...settled,
    ...(maxBlob !== undefined && { maxBlob }),
    ...(redirect && { redirect }),
  };
}

/** `CACHE` and `CACHE_DIR` together. What a config.yml says comes last, also where the other one of them says it. */
function chooseStore({ read, given, faults }: Reading): CacheChoice {
  const folder = read('CACHE_DIR');
  const written = read('CACHE');
  const isOutdone = folder !== undefined && given.CACHE?.[0]?.from === 'config.yml';
  if (folder === undefined || written === undefined || isOutdone) {
    return folder === undefined ? (written ?? { kind: 'none' }) : { kind: 'disk', folder };
  }
  const both = `${spelt('CACHE', given)} and ${spelt('CACHE_DIR', given)}`;
  if (written.kind === 'disk') {
    if ((written.folder ?? folder) !== folder) faults.push(`${both}: name different folders; keep one of them`);
    return { kind: 'disk', folder };
  }
  if (written.kind !== 'none') faults.push(`${both}: a folder is of no use with ${written.kind}; keep one of them`);
  return written;
}

function readPlace(reading: Reading, choice: CacheChoice): StorePlace | undefined {
  const { read, given, faults, capabilities } = reading;
  if (choice.kind !== 'none' && capabilities && !capabilities.stores.includes(choice.kind)) {
    faults.push(misplaced(choice, given));
    return undefined;
  }
  const maxBytes = read('CACHE_MAX_SIZE');
  const size = `${spelt('CACHE_MAX_SIZE', given)}=${given.CACHE_MAX_SIZE?.[0]?.text}`;
  if (maxBytes !== undefined && maxBytes < MIN_SIZE) {
    faults.push(
      `${size}: too small, expected 16m or more; leave it out for the default, or set CACHE=none for no cache`,
    );
  }
  switch (choice.kind) {
    case 'none':
      return undefined;
    case 'memory':
      return { kind: 'memory', maxBytes: maxBytes ?? MEMORY_SIZE };
    case 'disk':
      if (choice.folder !== undefined) {
        return { kind: 'disk', folder: choice.folder, ...(maxBytes !== undefined && { maxBytes }) };
      }
      faults.push(`${spelt('CACHE', given)}=disk: names no folder; set CACHE_DIR, or write disk:/folder`);
      return undefined;
    case 's3':
      if (maxBytes !== undefined) {
        faults.push(`${size}: a bucket is limited by lifecycle rules of its own, and CACHE_INACTIVE`);
      }
      return readBucket(choice.text, reading);
    case 'r2':
      if (maxBytes !== undefined) faults.push(`${size}: a bucket is limited by lifecycle rules of its own`);
      return choice;
  }
}

function readBucket(text: string, { read, given, around, faults }: Reading): StorePlace | undefined {
  const [id, secret] = [read('CACHE_ACCESS_KEY'), read('CACHE_SECRET_KEY')];
  if ((id === undefined) !== (secret === undefined)) {
    const [one, other] = [spelt('CACHE_ACCESS_KEY', given), spelt('CACHE_SECRET_KEY', given)];
    faults.push(`${one} and ${other} belong together: set both or neither`);
    return undefined;
  }
  const keys = id === undefined ? {} : { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: '' };
  try {
    return readS3Place(text, { ...around.env, ...keys });
  } catch (error) {
    faults.push(`${spelt('CACHE', given)}=${mask(text)}: ${(error as Error).message}`);
    return undefined;
  }
}

/** What is kept where this platform has no such place. */
function misplaced({ kind }: CacheChoice, given: GivenSettings): string {
  if (kind === 'r2') {
    const address = 's3://bucket?endpoint=https://<account>.r2.cloudflarestorage.com';
    return `${spelt('CACHE', given)}=r2: only a Worker has a bucket bound to it; the same bucket is CACHE=${address} here`;
  }
  const name = given.CACHE?.length ? `${spelt('CACHE', given)}=${kind}` : spelt('CACHE_DIR', given);
  return `${name}: a Worker keeps content in R2 alone; bind a bucket as REGISTRY_CACHE, and leave this out or set CACHE=r2`;
}

function readMaxBlob({ read, given, faults }: Reading, { kind }: CacheChoice): number | undefined {
  const maxBlob = read('CACHE_MAX_BLOB');
  if (kind !== 'r2') return maxBlob;
  if (maxBlob !== undefined && maxBlob > MAX_R2_BLOB) {
    const written = `${spelt('CACHE_MAX_BLOB', given)}=${given.CACHE_MAX_BLOB?.[0]?.text}`;
    faults.push(`${written}: a Worker hands R2 at most 4.99g at a time`);
  }
  return maxBlob ?? R2_BLOB;
}

function readRedirect({ read, given, faults }: Reading, choice: CacheChoice): number | undefined {
  const redirect = read('CACHE_REDIRECT');
  if (!redirect) return undefined;
  const written = `${spelt('CACHE_REDIRECT', given)}=${given.CACHE_REDIRECT?.[0]?.text}`;
  if (redirect > MAX_REDIRECT) faults.push(`${written}: object stores take signed URLs for 7d at most`);
  if (choice.kind === 'r2')
    faults.push(`${written}: a bucket that is bound to a Worker has no signed URLs; leave it out`);
  if (choice.kind === 'memory' || choice.kind === 'disk') {
    faults.push(`${written}: only an object store can be redirected to; set CACHE=s3://…, or leave it out`);
  }
  return redirect;
}

/** A cache that somebody believes to have, and has not, costs no more than time: this is no fault. */
function idleNotes(given: GivenSettings): string[] {
  const idle = COMPANIONS.filter((name) => {
    const { fallback } = settings.find((each) => each.name === name) as Setting;
    return given[name]?.some(({ text }) => text !== fallback);
  });
  // Switched off by `CACHE` beside it.
  if (given.CACHE_DIR?.length) idle.unshift('CACHE_DIR');
  if (idle.length === 0) return [];
  return [`${idle.map((name) => spelt(name, given)).join(', ')}: without effect, since nothing is kept (CACHE=none)`];
}

let last: { readonly id: string; readonly lifetime: CacheConfig['tagLifetime'] } | undefined;

/** The same rules for the same registries are the same function: a reload holds one configuration against the other. */
function lifetimeIn(lifetimes: TagLifetimes, upstreams: readonly Upstream[]): CacheConfig['tagLifetime'] {
  const id = JSON.stringify([lifetimes, upstreams.map(({ name, aliases, prefix }) => [name, aliases, prefix])]);
  if (last?.id === id) return last.lifetime;
  const lifetime = (name: TagName) => {
    const upstream = findUpstream(name.registry, { upstreams: upstreams as [Upstream, ...Upstream[]] });
    const repository = (upstream && nameForClients(name.repository, upstream)) ?? name.repository;
    return lifetimeOf(lifetimes, { ...name, repository }, upstreams[0].name) ?? TAG_LIFETIME;
  };
  last = { id, lifetime };
  return lifetime;
}
