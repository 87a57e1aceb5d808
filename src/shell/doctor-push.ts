import type { PushSeen } from '../core/doctor/evidence';
import { headerOf } from '../core/headers';
import { resolveUrl } from '../core/url';
import { type DoctorClient, MAX_WORDS } from './doctor-client';

const MB = 1_000_000;

/** Bytes of bodies that are tried, each around a limit that some platform has. */
export const PUSH_SIZES = [1 * MB, 4 * MB, 5 * MB, 8 * MB, 31 * MB, 40 * MB, 99 * MB, 120 * MB] as const;

/**
 * Begins uploads and gives them up again, with growing bodies until one does not go through. Nothing stays in the registry.
 * @param repository its path, with a slash at its end, and whatever query it takes
 */
export async function probePushes(client: DoctorClient, repository: string): Promise<readonly PushSeen[]> {
  const [path, query = ''] = repository.split('?');
  const at = `${path}blobs/uploads/${query && `?${query}`}`;
  const words = { take: MAX_WORDS, keep: MAX_WORDS };
  const pushes: PushSeen[] = [];
  for (const bytes of PUSH_SIZES) {
    const begun = await client.ask({ method: 'POST', at, body: 0, ...words }, 'push');
    const place = resolveUrl(headerOf(begun.headers, 'location') ?? '', begun.url);
    if (begun.status !== 202 || !place) return [...pushes, { bytes, begun }];
    const headers = [['content-type', 'application/octet-stream'] as const];
    const sent = await client.ask({ method: 'PATCH', at: place, headers, body: bytes, ...words }, 'push');
    pushes.push({ bytes, begun, sent });
    const next = resolveUrl(headerOf(sent.headers, 'location') ?? '', place) ?? place;
    await client.ask({ method: 'DELETE', at: next, ...words }, 'push');
    if (sent.status === undefined || sent.status >= 300) break;
  }
  return pushes;
}
