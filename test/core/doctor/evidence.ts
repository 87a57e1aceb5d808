import type { BlobSeen, Evidence, Seen } from '../../../src/core/doctor/evidence';
import { parseImageName } from '../../../src/core/image-name';
import { DIGEST, type Fields, fields, url } from '../heads';

export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const TARGET = 'https://r.example.com';
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

const DAY = 24 * 60 * 60 * 1000;

export const bytes = (text: string) => new TextEncoder().encode(text);

/** One request as it goes well. */
export function seen(path: string, more: Omit<Partial<Seen>, 'headers'> & { headers?: Fields } = {}): Seen {
  const { headers, ...rest } = more;
  return {
    method: 'GET',
    url: { ...url(path.startsWith('http') ? path : TARGET + path) },
    wait: 12,
    at: NOW,
    status: 200,
    received: 0,
    duration: 1,
    ending: 'whole',
    start: new Uint8Array(),
    ...rest,
    headers: fields(headers),
  };
}

const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE });

export const manifestFields = {
  'content-type': MANIFEST_TYPE,
  'content-length': String(MANIFEST.length),
  'docker-content-digest': DIGEST,
};

export function manifest(more: Parameters<typeof seen>[1] = {}): Seen {
  const path = '/v2/library/nginx/manifests/latest';
  const body = { received: MANIFEST.length, start: bytes(MANIFEST), digest: DIGEST };
  return seen(path, { headers: manifestFields, ...body, ...more });
}

export function blob(isConfig: boolean, ...hops: Seen[]): BlobSeen {
  return { digest: DIGEST, size: 3000, isConfig, hops };
}

export const blobBody = (more: Parameters<typeof seen>[1] = {}, at = `/v2/library/nginx/blobs/${DIGEST}`) =>
  seen(at, {
    headers: { 'content-length': '3000' },
    received: 3000,
    start: new Uint8Array(2000).fill(7),
    digest: DIGEST,
    duration: 100,
    ...more,
  });

export const CHALLENGE = `Bearer realm="${TARGET}/token",service="r.example.com"`;

export const ping = (more: Parameters<typeof seen>[1] = {}) =>
  seen('/v2/', {
    status: 401,
    headers: {
      'docker-distribution-api-version': 'registry/2.0',
      'www-authenticate': CHALLENGE,
      date: new Date(NOW).toUTCString(),
    },
    ...more,
  });

/** All that a walk sees where nothing is wrong. */
export function healthy(more: Partial<Evidence> = {}): Evidence {
  const range = { first: 1000, last: 1999, seen: rangeSeen() };
  return {
    target: { ...url(`${TARGET}/`), path: '' },
    image: parseImageName('nginx') as Evidence['image'],
    isOurs: true,
    hasLogin: false,
    now: NOW,
    reach: {
      addresses: { host: 'r.example.com', wait: 3, found: ['192.0.2.1', '2001:db8::1'] },
      dials: [
        { address: '192.0.2.1', family: 4, wait: 10 },
        { address: '2001:db8::1', family: 6, wait: 11 },
      ],
      handshake: {
        wait: 20,
        version: 'TLSv1.3',
        issuer: 'Example CA',
        names: ['r.example.com'],
        from: NOW - DAY,
        until: NOW + 60 * DAY,
      },
    },
    health: seen('/-/healthz', { start: bytes('ok\n') }),
    ping: ping(),
    unauthorized: ping(),
    token: seen('/token'),
    lifetime: 300,
    scopes: seen('/token'),
    manifestHead: manifest({ method: 'HEAD' }),
    manifest: manifest(),
    byDigest: seen(`/v2/library/nginx/manifests/${DIGEST}`, {
      headers: manifestFields,
      received: MANIFEST.length,
      start: bytes(MANIFEST),
      digest: DIGEST,
    }),
    config: blob(true, blobBody()),
    layer: blob(false, blobBody()),
    layerHead: blobBody({ method: 'HEAD' }),
    range,
    again: blobBody({ headers: { 'cache-status': 'registry-proxy;hit' } }),
    ...more,
  };
}

export function rangeSeen(more: Parameters<typeof seen>[1] = {}): Seen {
  return seen(`/v2/library/nginx/blobs/${DIGEST}`, {
    status: 206,
    headers: { 'content-range': 'bytes 1000-1999/3000' },
    received: 1000,
    start: new Uint8Array(1000).fill(7),
    ...more,
  });
}

/** What is left of an answer where none came. */
export const failed = (kind: NonNullable<Seen['failure']>['kind'], message = 'gone') =>
  ({ failure: { kind, message }, status: undefined, ending: 'cut', received: 0, headers: {} }) as const;

export const later = (days: number) => NOW + days * DAY;
