import { createHash, randomUUID } from 'node:crypto';
import type { S3Place } from '../../src/core/s3-place';
import { parseUrl, type Url } from '../../src/core/url';
import { serveBytes } from '../upstream/bytes';
import { type Exchange, listen, readBody, type Upstream } from '../upstream/listen';
import { judgeSignature, type Login } from './s3-signature';

const MIN_PART = 5 * 1024 * 1024;

/** Entries of a page at most, whatever is asked for, so that lists have several. */
const PAGE = 3;

export interface StoredObject {
  bytes: Buffer;
  etag: string;
  at: number;
}

export interface Upload {
  readonly key: string;
  readonly at: number;
  readonly parts: Map<number, StoredObject>;
}

export interface Bucket {
  readonly name: string;
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, Upload>;
  readonly place: S3Place;
}

/** What it does with requests that not all object stores know. */
export interface Abilities {
  /** Of `If-None-Match: *` on PUT: `kept` as Amazon S3 and MinIO do, `ignored`, or `refused` as Swift does. */
  readonly conditions?: 'kept' | 'ignored' | 'refused';
  /** Whether it knows UploadPartCopy. */
  readonly copies?: boolean;
}

/** An object store that checks what it is asked as Amazon S3 does, with buckets that are reached by path. */
export interface S3Server extends Upstream {
  readonly login: Login;
  bucket(options?: { now?: () => number; prefix?: string } & Abilities): Bucket;
}

const STATUS: Readonly<Record<string, number>> = {
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  PreconditionFailed: 412,
  NotImplemented: 501,
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  InvalidToken: 403,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
};

const tagOf = (bytes: Buffer) => `"${createHash('md5').update(bytes).digest('hex')}"`;

export async function startS3(token?: string): Promise<S3Server> {
  const login: Login = { id: randomUUID(), secret: randomUUID(), ...(token && { token }) };
  const region = 'nowhere-1';
  const buckets = new Map<string, Held>();
  const arriving = new Set<string>();

  const server = await listen('s3', async (exchange) => {
    const { seen } = exchange;
    const isCopy = seen.header('x-amz-copy-source') !== undefined;
    const upload = seen.query.has('partNumber') && !isCopy ? seen.query.get('uploadId') : null;
    if (upload !== null && arriving.has(upload)) exchange.accuse('sends two parts at a time');
    if (upload !== null) arriving.add(upload);
    const body = await readBody(exchange).finally(() => upload !== null && arriving.delete(upload));
    const [, name = '', key = ''] = /^\/([^/]*)\/?(.*)$/.exec(seen.path) ?? [];
    const bucket = buckets.get(name);
    const wrong = judgeSignature(seen, body, login, region, (bucket?.now ?? Date.now)());
    if (wrong) return refuse(exchange, wrong);
    if (!bucket) return refuse(exchange, 'NoSuchBucket');
    exchange.res.setHeader('date', new Date(bucket.now()).toUTCString());
    if (/PUT|POST/.test(seen.method) && seen.header('content-length') === undefined)
      exchange.accuse('sends a body of unknown length');
    if (key === '') return answerBucket(exchange, bucket);
    if (seen.query.has('uploads') || seen.query.has('uploadId')) return answerUpload(exchange, bucket, key, body);
    return answerObject(exchange, bucket, key, body);
  });

  return {
    ...server,
    login,
    bucket({ now = Date.now, prefix = '', conditions = 'kept', copies = true } = {}) {
      const endpoint = parseUrl(`${server.url}/`) as Url;
      const name = `bucket-${randomUUID()}`;
      const place: S3Place = {
        kind: 's3',
        bucket: name,
        prefix,
        region,
        endpoint,
        publicEndpoint: endpoint,
        pathStyle: true,
        keys: login,
      };
      const bucket = { name, objects: new Map(), uploads: new Map(), place, now, conditions, copies };
      buckets.set(name, bucket);
      return bucket;
    },
  };
}

export function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Of ${code}</Message></Error>`;
}

function refuse(exchange: Exchange, code: string): void {
  exchange.send(STATUS[code] ?? 400, { 'content-type': 'application/xml' }, errorXml(code));
}

function xml(exchange: Exchange, root: string, content: string): void {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${root}>`;
  exchange.send(200, { 'content-type': 'application/xml' }, text);
}

type Held = Bucket & { now: () => number } & Required<Abilities>;

async function answerBucket(exchange: Exchange, { objects, uploads }: Bucket): Promise<void> {
  const { query } = exchange.seen;
  const prefix = query.get('prefix') ?? '';
  if (query.has('uploads')) {
    const found = [...uploads].filter(([, { key }]) => key.startsWith(prefix));
    const entries = found.map(([id, { key, at }]) => {
      const initiated = new Date(at).toISOString();
      return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`;
    });
    return xml(exchange, 'ListMultipartUploadsResult', entries.join(''));
  }
  if (query.get('list-type') !== '2') return exchange.accuse('asks a bucket for nothing that is known');
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const found = [...objects]
    .filter(([key]) => key.startsWith(prefix) && key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const page = found.slice(0, Math.min(PAGE, Number(query.get('max-keys') ?? 1000)));
  const entries = page.map(([key, { bytes, at, etag }]) => {
    const modified = new Date(at).toISOString();
    return `<Contents><Key>${key}</Key><LastModified>${modified}</LastModified><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${bytes.length}</Size></Contents>`;
  });
  const isTruncated = found.length > page.length;
  const next = isTruncated ? `<NextContinuationToken>${page.at(-1)?.[0]}</NextContinuationToken>` : '';
  xml(exchange, 'ListBucketResult', `${entries.join('')}<IsTruncated>${isTruncated}</IsTruncated>${next}`);
}

async function answerUpload(
  exchange: Exchange,
  { name, uploads, objects, now, copies }: Held,
  key: string,
  body: Buffer,
): Promise<void> {
  const { method, query } = exchange.seen;
  const id = query.get('uploadId') ?? '';
  const number = Number(query.get('partNumber'));
  if (method === 'POST' && query.has('uploads')) {
    const created = randomUUID();
    uploads.set(created, { key, at: now(), parts: new Map() });
    return xml(exchange, 'InitiateMultipartUploadResult', `<Key>${key}</Key><UploadId>${created}</UploadId>`);
  }
  const upload = uploads.get(id);
  if (!upload || upload.key !== key) return refuse(exchange, 'NoSuchUpload');
  if (method === 'DELETE') {
    uploads.delete(id);
    return exchange.send(204);
  }
  if (method === 'PUT') {
    if (!(number >= 1 && number <= 10_000)) exchange.accuse(`sends part ${number}`);
    const source = exchange.seen.header('x-amz-copy-source');
    if (source !== undefined) {
      if (!copies) return refuse(exchange, 'NotImplemented');
      const found = objects.get(decodeURIComponent(source).replace(`/${name}/`, ''));
      if (!found) return refuse(exchange, 'NoSuchKey');
      if (body.length > 0) exchange.accuse('sends bytes with a copy');
      upload.parts.set(number, { bytes: found.bytes, etag: found.etag, at: now() });
      return xml(exchange, 'CopyPartResult', `<ETag>${found.etag.replaceAll('"', '&quot;')}</ETag>`);
    }
    const part = { bytes: body, etag: tagOf(body), at: now() };
    upload.parts.set(number, part);
    return exchange.send(200, { etag: part.etag });
  }
  const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)];
  const parts = named.map(([, each]) => upload.parts.get(Number(each)));
  const isRight = named.every(([, each, tag], index) => {
    return Number(each) === index + 1 && tag?.replace(/&(quot|#34);/g, '"') === parts[index]?.etag;
  });
  if (!isRight || parts.length === 0) return refuse(exchange, 'InvalidPart');
  if (parts.slice(0, -1).some((part) => (part?.bytes.length ?? 0) < MIN_PART))
    return refuse(exchange, 'EntityTooSmall');
  const bytes = Buffer.concat(parts.map((part) => part?.bytes ?? Buffer.alloc(0)));
  const etag = tagOf(bytes).replace(/"$/, `-${parts.length}"`);
  uploads.delete(id);
  objects.set(key, { bytes, etag, at: now() });
  xml(exchange, 'CompleteMultipartUploadResult', `<Key>${key}</Key><ETag>${etag.replaceAll('"', '&quot;')}</ETag>`);
}

async function answerObject(
  exchange: Exchange,
  { objects, now, conditions }: Held,
  key: string,
  body: Buffer,
): Promise<void> {
  const { method } = exchange.seen;
  const found = objects.get(key);
  switch (method) {
    case 'PUT': {
      const isConditional = exchange.seen.header('if-none-match') === '*';
      if (isConditional && conditions === 'refused') return refuse(exchange, 'NotImplemented');
      if (isConditional && conditions === 'kept' && found) return refuse(exchange, 'PreconditionFailed');
      const etag = tagOf(body);
      objects.set(key, { bytes: body, etag, at: now() });
      return exchange.send(200, { etag });
    }
    case 'DELETE':
      objects.delete(key);
      return exchange.send(204);
    case 'GET':
    case 'HEAD': {
      if (!found) return refuse(exchange, 'NoSuchKey');
      const headers = { 'last-modified': new Date(found.at).toUTCString(), 'content-type': 'application/octet-stream' };
      return serveBytes(exchange, found.bytes, { headers, etag: found.etag });
    }
    default:
      exchange.accuse(`asks with ${method}`);
  }
}
