import type { S3Place } from '../core/s3-place';
import type { CloudFetch } from '../shell/cloud-request';
import { S3Store } from '../storage/s3';
import type { StoreOptions } from '../storage/store';
import { cloudFetch } from './cloud-fetch';
import { roleKeys } from './role-keys';
import { Transport } from './transport';

/** Milliseconds to a connection; the rest of a request for keys has limits of its own (cloud-request.ts). */
const CONNECT_TIME = 2_000;

/** A store in a bucket, by the keys of its place or by those that the role of this machine gets. */
export function openBucket(place: S3Place, options: StoreOptions): S3Store {
  const { role } = place;
  const keys = role && roleKeys(role, fetchOnce, options.now ?? Date.now);
  return new S3Store({ ...options, place, ...(keys && { keys }) });
}

/** Keys are asked for every few minutes, which is no reason to hold a connection. */
const fetchOnce: CloudFetch = async (request) => {
  const timeouts = { connect: CONNECT_TIME, response: request.within, retry: 0, stall: 0, client: 0, shutdown: 0 };
  const transport = new Transport(timeouts);
  try {
    return await cloudFetch(transport)(request);
  } finally {
    transport.close();
  }
};
