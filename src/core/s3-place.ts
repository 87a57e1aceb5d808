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
  /** Absent where they are looked for at the time of use, as for clouds' own roles. */
  readonly keys?: { readonly id: string; readonly secret: string; readonly token?: string };
}
