import { type IncomingHttpHeaders, type IncomingMessage, type RequestListener, request } from 'node:http';
import { foreignCredential, type Known } from './foreign';
import { noteWhenAnswered, readModes } from './journal';
import { signedPath } from './signed-url';

export interface FrontOptions {
  world: string;
  host: string;
  /** Port of the docker-registry behind it, on loopback. */
  port: number;
  /** Where blobs are redirected to; served by the registry itself where it is left out. */
  cdnHost?: string;
  known: Known;
  /** Upload sessions live under /blobs/upload/ and are named by a path alone, as on ghcr.io. */
  ownUploadPaths?: boolean;
}

/**
 * What stands before a registry: its public name, TLS, and at a large one a redirect to the CDN for every blob the caller
 * may read. Everything else is answered by a real docker-registry.
 */
export function front(options: FrontOptions): RequestListener {
  return async (req, res) => {
    const note = noteWhenAnswered(options.world, options.host, req, res);
    const { pathname, searchParams } = new URL(req.url ?? '/', `https://${options.host}`);
    if (searchParams.has('ns')) note.accusation = 'got a query that is meant for the proxy';
    if (req.headers.host !== options.host) note.accusation = `was called ${req.headers.host}`;
    if (req.headers['x-forwarded-for'] || req.headers.cookie)
      note.accusation = 'got headers that are meant for the proxy';
    note.accusation ??= foreignCredential(req.headers.authorization, options.known);

    const blob = /^\/v2\/.+\/blobs\/sha256:([0-9a-f]{64})$/.exec(pathname)?.[1];
    const reads = req.method === 'GET' || (req.method === 'HEAD' && readModes(options.world).headRedirect);
    if (blob && reads && options.cdnHost) {
      const allowed = await ask(options, 'HEAD', req.url ?? '/', pick(req.headers, ['authorization']));
      allowed.resume();
      if (allowed.statusCode === 200) {
        const path = `/docker/registry/v2/blobs/sha256/${blob.slice(0, 2)}/${blob}/data`;
        const location = `https://${options.cdnHost}${signedPath(path)}`;
        res.writeHead(307, { location, 'content-length': 0, 'docker-distribution-api-version': 'registry/2.0' });
        return void res.end();
      }
    }

    const url = options.ownUploadPaths
      ? (req.url ?? '/').replace('/blobs/upload/', '/blobs/uploads/')
      : (req.url ?? '/');
    const upstream = request({
      port: options.port,
      host: '127.0.0.1',
      method: req.method,
      path: url,
      headers: { ...req.headers, host: options.host, 'x-forwarded-proto': 'https' },
    });
    upstream.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
    upstream.on('response', (answer) => {
      const headers = { ...answer.headers };
      if (options.ownUploadPaths && headers.location?.includes('/blobs/uploads/')) {
        const { pathname: path, search } = new URL(headers.location);
        headers.location = path.replace('/blobs/uploads/', '/blobs/upload/') + search;
      }
      res.writeHead(answer.statusCode ?? 502, headers);
      answer.pipe(res);
    });
    res.on('close', () => upstream.destroy());
    req.pipe(upstream);
  };
}

function ask({ port, host }: FrontOptions, method: string, path: string, headers: IncomingHttpHeaders) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    request({ port, host: '127.0.0.1', method, path, headers: { ...headers, host } })
      .on('response', resolve)
      .on('error', reject)
      .end();
  });
}

function pick(headers: IncomingHttpHeaders, names: string[]): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)));
}
