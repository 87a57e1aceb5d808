import type { AwsKeys, AwsRole } from './aws-account';
import type { Url } from './url';

/** A bucket of an object store that speaks S3 (`CACHE=s3://…`). */
export interface S3Place {
  readonly kind: 's3';
  readonly bucket: string;
  /** Begins every key; empty, or ends with `/`. */
  readonly prefix: string;
  readonly region: string;
  /** Where this process reads and writes; inside a cloud, its internal address. */
  readonly endpoint: Url;
  /** What signed URLs for clients lead to. */
  readonly publicEndpoint: Url;
  /** The bucket is the first part of the path, and not of the host name. */
  readonly pathStyle: boolean;
  readonly keys?: AwsKeys;
  /** Who gives out keys at the time of use, where there are none. */
  readonly role?: AwsRole;
}
