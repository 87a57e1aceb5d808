import { createHash, randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { sha256 } from './image';
import { type Exchange, ociError, readBody } from './listen';

/** How a registry writes the Location of an upload; each form is one that a registry of this world sends. */
export type LocationForm =
  | 'absolute'
  | 'relative'
  /** distribution: everything it must know is in `_state`, and it changes with each answer. */
  | 'state'
  /** ghcr.io: `/v2/<name>/blobs/upload/<id>`. */
  | 'ghcr'
  /** pkg.dev: outside /v2/, `/artifacts-uploads/…`. */
  | 'pkg-dev';

interface Session {
  name: string;
  received: Buffer;
  /** The query of the Location that was given out last. */
  query: string;
}

export interface UploadOptions {
  blobs: Map<string, Buffer>;
  form: () => LocationForm;
  origin: () => string;
  basePath: string;
}

/** The upload half of the distribution spec: sessions, chunks in order, digest proven before a blob is published. */
export function createUploads({ blobs, form, origin, basePath }: UploadOptions) {
  const sessions = new Map<string, Session>();

  function locationOf(id: string, session: Session): string {
    switch (form()) {
      case 'absolute':
        return `${origin()}${basePath}/v2/${session.name}/blobs/uploads/${id}`;
      case 'relative':
        return `${basePath}/v2/${session.name}/blobs/uploads/${id}`;
      case 'state':
        session.query = `_state=${encodeURIComponent(stateOf(id, session))}&part=a%20b`;
        return `${origin()}${basePath}/v2/${session.name}/blobs/uploads/${id}?${session.query}`;
      case 'ghcr':
        return `${basePath}/v2/${session.name}/blobs/upload/${id}`;
      case 'pkg-dev':
        return `${origin()}/artifacts-uploads/namespaces/p/repositories/r/uploads/${id}?upload_name=${encodeURIComponent(session.name)}`;
    }
  }

  function find({ seen }: Exchange): { id: string; session: Session } | undefined {
    const id = /\/(?:uploads|upload)\/([0-9a-f-]{36})$/.exec(seen.path)?.[1] ?? '';
    const session = sessions.get(id);
    return session && { id, session };
  }

  async function begin(exchange: Exchange, name: string): Promise<void> {
    const { query } = exchange.seen;
    const mounted = query.get('mount');
    if (mounted !== null && blobs.has(mounted)) {
      return exchange.send(201, blobHeaders(name, mounted));
    }
    const body = await readBody(exchange);
    const digest = query.get('digest');
    if (digest !== null) return publish(exchange, name, digest, body);
    const id = randomUUID();
    const session: Session = { name, received: Buffer.alloc(0), query: '' };
    sessions.set(id, session);
    exchange.send(202, { ...progress(id, session), 'oci-chunk-min-length': '1024' });
  }

  async function proceed(exchange: Exchange): Promise<void> {
    const { seen } = exchange;
    const found = find(exchange);
    if (!found) {
      exchange.req.resume();
      return exchange.send(404, {}, ociError('BLOB_UPLOAD_UNKNOWN', 'no such upload'));
    }
    const { id, session } = found;
    if (form() === 'state' && !seen.target.includes(`?${session.query}`)) {
      exchange.accuse('_state did not come back as it was given out');
    }
    switch (seen.method) {
      case 'GET':
        return exchange.send(204, progress(id, session));
      case 'DELETE':
        sessions.delete(id);
        return exchange.send(204);
      case 'PATCH':
        return append(exchange, id, session);
      case 'PUT': {
        const rest = await readBody(exchange);
        sessions.delete(id);
        return publish(exchange, session.name, seen.query.get('digest') ?? '', Buffer.concat([session.received, rest]));
      }
      default:
        return exchange.send(405, {}, ociError('UNSUPPORTED', seen.method));
    }
  }

  async function append(exchange: Exchange, id: string, session: Session): Promise<void> {
    const start = exchange.seen.header('content-range')?.split('-')[0];
    const chunk = await readBody(exchange);
    if (start !== undefined && Number(start) !== session.received.length) {
      return exchange.send(416, progress(id, session), ociError('BLOB_UPLOAD_INVALID', 'chunk out of order'));
    }
    session.received = Buffer.concat([session.received, chunk]);
    exchange.send(202, progress(id, session));
  }

  function publish(exchange: Exchange, name: string, digest: string, bytes: Buffer) {
    if (sha256(bytes) !== digest) return exchange.send(400, {}, ociError('DIGEST_INVALID', `not ${digest}`));
    blobs.set(digest, bytes);
    exchange.send(201, blobHeaders(name, digest));
  }

  function blobHeaders(name: string, digest: string): OutgoingHttpHeaders {
    const prefix = form() === 'relative' || form() === 'ghcr' ? basePath : `${origin()}${basePath}`;
    return { location: `${prefix}/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest };
  }

  function progress(id: string, session: Session): OutgoingHttpHeaders {
    return {
      location: locationOf(id, session),
      range: `0-${Math.max(0, session.received.length - 1)}`,
      'docker-upload-uuid': id,
    };
  }

  return { begin, proceed };
}

/** Signed and opaque, with every character that a careless proxy would encode once more or once less. */
function stateOf(id: string, session: Session): string {
  return `${createHash('sha256').update(`${id}${session.received.length}`).digest('base64')}%2B/=&`;
}
