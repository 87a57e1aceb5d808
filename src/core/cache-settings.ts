import type { Setting } from './setting';

/** What is kept of what was pulled, for how long, and how it is fetched. */
export const cacheSettings = [
  {
    name: 'CACHE',
    aliases: ['REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY'],
    kind: 'cache',
    fallback: '',
    help: 'Where images are kept: `none`, `memory`, `disk:/folder`, `s3://bucket/prefix?…` for an object store, or, on Cloudflare Workers, `r2` for the bucket that is bound as `REGISTRY_CACHE` (`r2:prefix` for a part of it). Default: `none`, `disk` where `CACHE_DIR` is set, and `r2` where there is such a bucket (docs/caching.md). A cache that fails never fails a pull.',
  },
  {
    name: 'CACHE_DIR',
    kind: 'folder',
    fallback: '',
    help: 'Folder of the cache; alone it means `CACHE=disk`. It is made where it is missing, for its owner only, and several processes may use it at a time.',
  },
  {
    name: 'CACHE_MAX_SIZE',
    kind: 'size',
    fallback: '',
    help: 'Bytes that the cache may take, with `k`, `m`, `g` or `t` (of 1024) as in nginx, at least `16m`; what was used longest ago goes first. Default: `256m` in memory; on a disk all but the last 64 MB. A bucket is limited by its own lifecycle rules.',
  },
  {
    name: 'CACHE_MAX_BLOB',
    kind: 'size',
    fallback: '',
    help: 'Bytes of a blob that is kept at most, with `k`, `m`, `g` or `t`; a larger one is passed on all the same, and `0` keeps manifests alone. Default: no limit of its own, and `4g` with `CACHE=r2`.',
  },
  {
    name: 'CACHE_TAG_TTL',
    aliases: ['MANIFEST_TAG_TTL'],
    kind: 'tag-lifetimes',
    fallback: '60s',
    help: 'How long a tag is taken to be what it was when the registry was last asked; 0 asks every time. A list says more: `60s,latest=30s,v*=1d,ghcr.io/team/**=1h,nginx:1.*=2h`, where the first pattern that fits decides, and the duration without one is for all other tags. A pattern without `/` and `:` is a tag; otherwise it is an image as in `ALLOW_IMAGES`, with `:tag` or without. `*` stands for anything in a tag. What is asked for by its digest never gets old.',
  },
  {
    name: 'CACHE_STALE',
    kind: 'period',
    fallback: '7d',
    help: 'How long after the registry was last asked a tag is served while it answers 429, 5xx or not at all; 0 never does.',
  },
  {
    name: 'CACHE_STALE_MISSING',
    kind: 'boolean',
    fallback: 'false',
    help: 'Serves a tag for as long as `CACHE_STALE` says where the registry answers 404, too: for images that somebody may delete.',
  },
  {
    name: 'CACHE_NEGATIVE_TTL',
    kind: 'period',
    fallback: '10s',
    help: 'How long an answer of 404 holds; 0 asks every time.',
  },
  {
    name: 'CACHE_INACTIVE',
    aliases: ['REGISTRY_PROXY_TTL'],
    kind: 'period',
    fallback: '0',
    help: 'What nobody has pulled for so long goes, within about an hour (in a bucket: what was written so long ago); 0 keeps it for ever, or until `CACHE_MAX_SIZE` needs the room. Days are `60d`.',
  },
  {
    name: 'CACHE_REDIRECT',
    kind: 'period-or-off',
    fallback: 'off',
    help: 'With `CACHE=s3://…`, a blob that is there is answered with a redirect to the object store, by a URL that is signed for so long, `10m` for instance, 7 days at most: clients must reach the store then. `off` sends the blob itself.',
  },
  {
    name: 'CACHE_ACCESS_KEY',
    aliases: ['REGISTRY_STORAGE_S3_ACCESSKEY'],
    kind: 'secret',
    secret: true,
    fallback: '',
    help: 'Access key for `CACHE=s3://…`, together with `CACHE_SECRET_KEY`. Default: `AWS_ACCESS_KEY_ID`, and what clouds set for the role of a function.',
  },
  {
    name: 'CACHE_SECRET_KEY',
    aliases: ['REGISTRY_STORAGE_S3_SECRETKEY'],
    kind: 'secret',
    secret: true,
    fallback: '',
    help: 'The secret of `CACHE_ACCESS_KEY`.',
  },
  {
    name: 'DOWNLOAD_CONNECTIONS',
    kind: 'connections',
    fallback: '8',
    help: 'Connections, 1 to 64, over which one large blob is fetched at most, where the upstream serves ranges and more than one of them is faster. 1 never divides a blob.',
  },
] as const satisfies readonly Setting[];
