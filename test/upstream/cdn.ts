import { createHmac, randomBytes } from 'node:crypto';
import { serveBytes } from './bytes';
import { type Exchange, type ListenOptions, listen, type Upstream } from './listen';

export interface CdnOptions extends ListenOptions {
  /** The bytes by digest; usually the registry's own map. */
  blobs: Map<string, Buffer>;
  /** Milliseconds a signed URL holds. */
  signedFor?: number;
  /** Bytes a second over each connection. */
  rate?: number;
}

export type Detour =
  | { kind: 'direct' }
  /** Passes `count` further addresses before the bytes; every second Location is relative. */
  | { kind: 'hops'; count: number; status?: number }
  | { kind: 'loop' };

export interface Cdn extends Upstream {
  /** The address of a blob, signed for GET as S3 does: the query is part of the signature. */
  link(digest: string, detour?: Detour): string;
  /** From now on links that were given out answer 403. */
  expireLinks(): void;
}

/** An object store behind signed URLs. It takes no credential but the signature, and says so when one arrives. */
export async function startCdn(options: CdnOptions): Promise<Cdn> {
  const secret = randomBytes(16);
  let generation = 0;

  function sign(path: string, expires: number): string {
    return createHmac('sha256', secret).update(`GET ${path} ${expires} ${generation}`).digest('hex');
  }

  function signed(path: string): string {
    const expires = Date.now() + (options.signedFor ?? 60_000);
    return `${path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2Fus%2Fs3&X-Amz-Expires=${expires}&X-Amz-Signature=${sign(path, expires)}`;
  }

  async function handle(exchange: Exchange): Promise<void> {
    const { seen } = exchange;
    if (!acceptsHeaders(exchange)) return;
    const hop = /^\/hop\/(\d+)\/(\d+)\/(sha256:[0-9a-f]{64})$/.exec(seen.path);
    if (hop) return serveHop(exchange, Number(hop[1]), Number(hop[2]), hop[3] as string);
    const loop = /^\/loop\/([ab])$/.exec(seen.path);
    if (loop) return exchange.send(302, { location: loop[1] === 'a' ? '/loop/b' : '/loop/a' });
    const blob = /^\/blobs\/(sha256:[0-9a-f]{64})$/.exec(seen.path);
    const content = blob && options.blobs.get(blob[1] as string);
    if (!blob || !content) return exchange.send(404, { 'content-type': 'application/xml' }, '<Error>NoSuchKey</Error>');
    if (!hasSignature(exchange)) return forbid(exchange);
    return serveBytes(exchange, content, {
      etag: `"${(blob[1] as string).slice(7, 39)}"`,
      headers: { 'content-type': 'application/octet-stream', 'x-amz-request-id': 'R3QU35T', server: 'AmazonS3' },
      rate: options.rate,
    });
  }

  function hasSignature({ seen }: Exchange): boolean {
    const expires = Number(seen.query.get('X-Amz-Expires'));
    // A HEAD does not bear the signature of a GET, whatever its query says.
    return (
      seen.method === 'GET' && expires > Date.now() && seen.query.get('X-Amz-Signature') === sign(seen.path, expires)
    );
  }

  function serveHop(exchange: Exchange, left: number, status: number, digest: string): void {
    const next = left > 1 ? `/hop/${left - 1}/${status}/${digest}` : signed(`/blobs/${digest}`);
    exchange.send(status, { location: left % 2 === 0 ? next : `${upstream.url}${next}` });
  }

  const upstream: Upstream = await listen('cdn', handle, options);
  return {
    ...upstream,
    link(digest, detour = { kind: 'direct' }) {
      if (detour.kind === 'loop') return `${upstream.url}/loop/a`;
      if (detour.kind === 'hops') return `${upstream.url}/hop/${detour.count}/${detour.status ?? 302}/${digest}`;
      return `${upstream.url}${signed(`/blobs/${digest}`)}`;
    },
    expireLinks: () => {
      generation += 1;
    },
  };
}

/** S3 answers 400 "Only one auth mechanism allowed"; for the person whose token it was, the harm is done by then. */
function acceptsHeaders(exchange: Exchange): boolean {
  const { seen } = exchange;
  const foreign = ['authorization', 'cookie', 'proxy-authorization'].filter((name) => seen.header(name) !== undefined);
  for (const name of foreign) exchange.accuse(`${name} reached the CDN`);
  for (const [name] of seen.rawHeaders) {
    if (/^(x-fc-|x-scf-|x-forwarded-|forwarded$|x-real-ip$|te$|keep-alive$|x-meta-)/i.test(name)) {
      exchange.accuse(`${name} reached the CDN`);
    }
  }
  if (seen.method === 'HEAD') exchange.accuse('a HEAD was sent to a URL that is signed for GET');
  if (foreign.length > 0) exchange.send(400, {}, '<Error>Only one auth mechanism allowed</Error>');
  return foreign.length === 0;
}

function forbid(exchange: Exchange): void {
  exchange.send(403, { 'content-type': 'application/xml' }, '<Error><Code>AccessDenied</Code></Error>');
}
