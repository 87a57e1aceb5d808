import type { OutgoingHttpHeaders } from 'node:http';
import { serveBytes } from './bytes';
import type { Cdn, Detour } from './cdn';
import { type Content, contentOf, descriptor, type Image, INDEX_TYPE } from './image';
import { type Exchange, type ListenOptions, listen, ociError, readBody, type Upstream } from './listen';
import { basicLogin, type TokenServer } from './token-server';
import { createUploads, type LocationForm } from './uploads';

export type Auth =
  | { kind: 'bearer'; tokens: TokenServer; challenges?: (scope: string) => string[] }
  | { kind: 'basic'; users: Record<string, string> };

/** Where a blob's bytes come from. */
export type Delivery =
  | { kind: 'self' }
  /** Sent on to the object store; `heads` says whether a HEAD is sent on as well. */
  | { kind: 'cdn'; cdn: Cdn; status?: number; detour?: Detour; heads?: boolean }
  /** Sent on within the registry's own host, by a relative Location. */
  | { kind: 'own-host'; status?: number; absolute?: boolean };

export interface RegistryOptions extends ListenOptions {
  blobs?: Map<string, Buffer>;
  auth?: Auth;
  delivery?: Delivery;
  uploads?: LocationForm;
  framing?: 'length' | 'chunked';
  /** Bytes of a blob a second over each connection. */
  rate?: number;
  /** Everything lives below this path, as on a host that serves several registries. */
  basePath?: string;
  /** As Docker Hub: a name of one part does not exist; whoever asks for one has not completed it. */
  hub?: boolean;
  /** `ns` is meant to arrive. */
  expectsNs?: boolean;
  /** The Host header that clients must send, where it is not the address listened on. */
  host?: string;
}

export interface Registry extends Upstream {
  blobs: Map<string, Buffer>;
  /** May be changed while it runs. */
  options: RegistryOptions;
  add(name: string, tag: string, image: Image): void;
  addManifest(name: string, reference: string, content: Content): void;
  manifest(name: string, reference: string): Content | undefined;
  /** Answers requests that match with exactly this. */
  answer(pattern: RegExp, status: number, headers?: OutgoingHttpHeaders, body?: string): void;
}

const JSON_TYPE = 'application/json';

/** A registry in memory that keeps the distribution spec, and accuses whoever sends it what it must not see. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const blobs = options.blobs ?? new Map<string, Buffer>();
  const basePath = options.basePath ?? '';
  const repositories = new Map<string, { tags: Map<string, string>; manifests: Map<string, Content> }>();
  const answers: { pattern: RegExp; status: number; headers: OutgoingHttpHeaders; body: string }[] = [];
  const uploads = createUploads({
    blobs,
    basePath,
    form: () => options.uploads ?? 'absolute',
    origin: () => upstream.url,
  });

  function repository(name: string) {
    const known = repositories.get(name) ?? { tags: new Map(), manifests: new Map() };
    repositories.set(name, known);
    return known;
  }

  async function handle(exchange: Exchange): Promise<void> {
    const { seen } = exchange;
    accuseHeaders(exchange, options.host ?? upstream.authority, options.expectsNs ?? false);
    const scripted = answers.find(({ pattern }) => pattern.test(`${seen.method} ${seen.target}`));
    if (scripted) {
      exchange.req.resume();
      return exchange.send(scripted.status, scripted.headers, scripted.body);
    }
    const path = seen.path.startsWith(`${basePath}/`) ? seen.path.slice(basePath.length) : seen.path;
    const stored = /^\/storage\/(sha256:[0-9a-f]{64})$/.exec(path);
    if (stored) return serveBlob(exchange, stored[1] as string, { kind: 'self' });
    if (!path.startsWith('/v2/') && !path.startsWith('/artifacts-uploads/')) return servePage(exchange);
    const wanted = wantedAccess(seen.method, path);
    if (wanted === undefined) return exchange.send(404, {}, ociError('UNSUPPORTED', 'no such route'));
    if (options.hub && wanted.name && !wanted.name.includes('/')) exchange.accuse(`${wanted.name} lacks library/`);
    if (options.auth && !isAllowed(exchange, options.auth, wanted)) return;
    return route(exchange, path);
  }

  function route(exchange: Exchange, path: string): void | Promise<void> {
    const { seen } = exchange;
    if (path === '/v2/') return exchange.send(200, { 'content-type': JSON_TYPE, ...API_VERSION }, '{}');
    if (path === '/v2/_catalog') return serveList(exchange, 'repositories', [...repositories.keys()], {});
    if (path.startsWith('/artifacts-uploads/')) return uploads.proceed(exchange);
    const match = /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs\/upload|blobs|tags|referrers)\/(.*)$/.exec(path);
    if (!match) return exchange.send(404, {}, ociError('UNSUPPORTED', 'no such route'));
    const [, name, kind, reference] = match as unknown as [string, string, string, string];
    switch (kind) {
      case 'manifests':
        return serveManifest(exchange, name, reference);
      case 'blobs':
        return seen.method === 'DELETE'
          ? deleteBlob(exchange, reference)
          : serveBlob(exchange, reference, options.delivery ?? { kind: 'self' });
      case 'blobs/uploads':
      case 'blobs/upload':
        return seen.method === 'POST' ? uploads.begin(exchange, name) : uploads.proceed(exchange);
      case 'tags':
        return serveTags(exchange, name);
      default:
        return serveReferrers(exchange, name, reference);
    }
  }

  async function serveManifest(exchange: Exchange, name: string, reference: string): Promise<void> {
    const { seen } = exchange;
    const { tags, manifests } = repository(name);
    const found = manifests.get(tags.get(reference) ?? reference);
    switch (seen.method) {
      case 'PUT': {
        const type = seen.header('content-type') ?? '';
        const content = contentOf(type, await readBody(exchange));
        if (reference.includes(':') && reference !== content.digest) {
          return exchange.send(400, {}, ociError('DIGEST_INVALID', 'the content has another digest'));
        }
        addManifest(name, reference, content);
        const subject = JSON.parse(content.bytes.toString()).subject?.digest;
        const location = `/v2/${name}/manifests/${content.digest}`;
        return exchange.send(201, {
          location: `${basePath}${location}`,
          'docker-content-digest': content.digest,
          ...(subject ? { 'oci-subject': subject } : {}),
        });
      }
      case 'DELETE':
        if (!found) return exchange.send(404, {}, ociError('MANIFEST_UNKNOWN', 'manifest unknown'));
        if (!tags.delete(reference)) manifests.delete(reference);
        return exchange.send(202);
      default:
        if (!found) {
          const body = ociError('MANIFEST_UNKNOWN', 'manifest unknown', { name, reference });
          return exchange.send(404, { 'content-type': JSON_TYPE, ...API_VERSION }, body);
        }
        return serveBytes(exchange, found.bytes, {
          etag: `"${found.digest}"`,
          headers: { 'content-type': found.type, 'docker-content-digest': found.digest, ...API_VERSION, ...QUOTA },
        });
    }
  }

  function serveBlob(exchange: Exchange, digest: string, delivery: Delivery): void | Promise<void> {
    const { seen } = exchange;
    if (!['GET', 'HEAD'].includes(seen.method)) return exchange.send(405, {}, ociError('UNSUPPORTED', seen.method));
    if (!['identity', undefined].includes(seen.header('accept-encoding'))) {
      exchange.accuse(`a blob asked for as ${seen.header('accept-encoding')} may come compressed`);
    }
    const bytes = blobs.get(digest);
    if (!bytes) {
      return exchange.send(404, { 'content-type': JSON_TYPE }, ociError('BLOB_UNKNOWN', 'blob unknown', { digest }));
    }
    const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest, ...API_VERSION };
    if (delivery.kind === 'self') {
      return serveBytes(exchange, bytes, {
        etag: `"${digest}"`,
        headers,
        framing: options.framing,
        rate: options.rate,
      });
    }
    if (delivery.kind === 'own-host') {
      const path = `${basePath}/storage/${digest}`;
      return exchange.send(delivery.status ?? 307, { location: delivery.absolute ? `${upstream.url}${path}` : path });
    }
    if (seen.method === 'HEAD' && !delivery.heads) {
      return exchange.send(200, { ...headers, 'content-length': bytes.length, 'accept-ranges': 'bytes' });
    }
    exchange.send(delivery.status ?? 307, { location: delivery.cdn.link(digest, delivery.detour) }, 'see elsewhere');
  }

  function deleteBlob(exchange: Exchange, digest: string) {
    if (!blobs.delete(digest)) return exchange.send(404, {}, ociError('BLOB_UNKNOWN', 'blob unknown'));
    exchange.send(202);
  }

  function serveTags(exchange: Exchange, name: string) {
    const known = repositories.get(name);
    if (!known) return exchange.send(404, {}, ociError('NAME_UNKNOWN', `repository ${name} unknown`));
    serveList(exchange, 'tags', [...known.tags.keys()], { name });
  }

  /** Sorted, cut to `n` after `last`, and a Link to the rest: relative for tags, absolute for the catalog. */
  function serveList(exchange: Exchange, key: string, all: string[], extra: Record<string, string>): void {
    const { seen } = exchange;
    const n = Number(seen.query.get('n') ?? 1000);
    const after = all.sort().filter((item) => item > (seen.query.get('last') ?? ''));
    const page = after.slice(0, n);
    const headers: OutgoingHttpHeaders = { 'content-type': JSON_TYPE, ...API_VERSION };
    if (after.length > page.length) {
      const origin = key === 'repositories' ? upstream.url : '';
      headers.link = `<${origin}${seen.path}?last=${encodeURIComponent(page.at(-1) as string)}&n=${n}>; rel="next"`;
    }
    exchange.send(200, headers, JSON.stringify({ ...extra, [key]: page }));
  }

  function serveReferrers(exchange: Exchange, name: string, digest: string): void {
    const wanted = exchange.seen.query.get('artifactType');
    const manifests = [...repository(name).manifests.values()].flatMap((content) => {
      const { subject, artifactType } = JSON.parse(content.bytes.toString());
      return subject?.digest === digest && (wanted === null || wanted === artifactType)
        ? [{ ...descriptor(content), artifactType }]
        : [];
    });
    const headers = {
      'content-type': INDEX_TYPE,
      ...(wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }),
    };
    exchange.send(200, headers, JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests }));
  }

  function addManifest(name: string, reference: string, content: Content): void {
    const known = repository(name);
    known.manifests.set(content.digest, content);
    if (!reference.includes(':')) known.tags.set(reference, content.digest);
  }

  const upstream: Upstream = await listen('registry', handle, options);
  return {
    ...upstream,
    url: `${upstream.url}${basePath}`,
    blobs,
    options,
    add(name, tag, image) {
      addManifest(name, tag, image.manifest);
      for (const content of [image.config, ...image.layers]) blobs.set(content.digest, content.bytes);
    },
    addManifest,
    manifest: (name, reference) => {
      const known = repository(name);
      return known.manifests.get(known.tags.get(reference) ?? reference);
    },
    answer: (pattern, status, headers = {}, body = '') => answers.push({ pattern, status, headers, body }),
  };
}

const API_VERSION = { 'docker-distribution-api-version': 'registry/2.0' };
const QUOTA = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '99;w=21600' };

/** Whatever is not a registry's business: a page of the backend's host. */
function servePage(exchange: Exchange): void {
  const { seen } = exchange;
  for (const name of ['authorization', 'cookie']) {
    if (seen.header(name) !== undefined) exchange.accuse(`${name} reached a page outside /v2/`);
  }
  exchange.send(200, { 'content-type': 'text/plain', 'x-page': 'yes' }, `page ${seen.target}`);
}

const NEVER_SENT =
  /^(x-fc-|x-scf-|x-forwarded-|forwarded$|x-real-ip$|cookie$|proxy-|te$|trailer$|keep-alive$|upgrade$|x-hop$|origin$|referer$)/i;

function accuseHeaders(exchange: Exchange, authority: string, expectsNs: boolean): void {
  const { seen } = exchange;
  for (const [name] of seen.rawHeaders) if (NEVER_SENT.test(name)) exchange.accuse(`${name} reached the registry`);
  if (seen.header('host') !== authority) exchange.accuse(`the Host header said ${seen.header('host')}`);
  if (!expectsNs && seen.query.has('ns')) exchange.accuse('ns reached the registry');
  if (!/^\/[!-~]*$/.test(seen.target)) exchange.accuse('the target is not in origin form');
  const ambiguous = seen.path.includes('/v2/') ? /\/\.\.?(\/|$)|\/\/|%/ : /\/\.\.?(\/|$)|^\/\/|%2e|%5c/i;
  if (ambiguous.test(seen.path)) exchange.accuse('the path may be read in two ways');
  const hasBody = seen.header('transfer-encoding') !== undefined || Number(seen.header('content-length') ?? 0) > 0;
  if (hasBody && ['GET', 'HEAD', 'DELETE'].includes(seen.method)) exchange.accuse(`a ${seen.method} came with a body`);
  if (seen.header('transfer-encoding') !== undefined && seen.header('content-length') !== undefined) {
    exchange.accuse('both Transfer-Encoding and Content-Length');
  }
}

interface Wanted {
  type: string;
  name: string;
  action: string;
}

/** What a token must grant for this request; undefined: no such thing. An empty name stands for the ping. */
function wantedAccess(method: string, path: string): Wanted | undefined {
  if (path === '/v2/') return { type: 'repository', name: '', action: 'pull' };
  if (path === '/v2/_catalog') return { type: 'registry', name: 'catalog', action: '*' };
  const action = method === 'GET' || method === 'HEAD' ? 'pull' : method === 'DELETE' ? 'delete' : 'push';
  if (path.startsWith('/artifacts-uploads/')) return { type: 'repository', name: '', action: 'push' };
  const match = /^\/v2\/([a-z0-9._/-]+?)\/(?:manifests|blobs|tags|referrers)\//.exec(path);
  const isUpload = /\/blobs\/uploads?\//.test(path);
  return match ? { type: 'repository', name: match[1] as string, action: isUpload ? 'push' : action } : undefined;
}

function isAllowed(exchange: Exchange, auth: Auth, wanted: Wanted): boolean {
  const header = exchange.seen.header('authorization');
  if (auth.kind === 'basic') {
    const login = basicLogin(header);
    if (login && auth.users[login.user] === login.password) return true;
    challenge(exchange, ['Basic realm="registry.test"']);
    return false;
  }
  const scope = wanted.name === '' ? '' : `${wanted.type}:${wanted.name}:${scopeActions(wanted.action)}`;
  const token = /^bearer (.+)$/i.exec(header ?? '')?.[1];
  const verdict = auth.tokens.allows(token ?? '', { ...wanted, name: wanted.name || '*' });
  if (token !== undefined && verdict === 'yes') return true;
  const error = token === undefined ? '' : `,error="${verdict === 'expired' ? 'invalid_token' : 'insufficient_scope'}"`;
  const usual = `Bearer realm="${auth.tokens.realm}",service="${auth.tokens.service}"${scope && `,scope="${scope}"`}${error}`;
  challenge(exchange, auth.challenges?.(scope) ?? [usual]);
  return false;
}

function scopeActions(action: string): string {
  return action === 'push' ? 'pull,push' : action;
}

/** 401 with one line per challenge, sent before the body is read, as registries do. */
function challenge(exchange: Exchange, lines: string[]): void {
  const headers = { 'www-authenticate': lines, 'content-type': JSON_TYPE, ...API_VERSION };
  exchange.send(401, headers, ociError('UNAUTHORIZED', 'authentication required', null));
  exchange.req.resume();
}
