import { createReadStream, existsSync, statSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { noteWhenAnswered, readModes } from './journal';
import { checkSigned } from './signed-url';

/**
 * Serves a registry's blobs to whoever brings a signed URL, and is as strict as object stores are: no Authorization
 * beside a signature, no other method than the signed one, nothing after the deadline.
 */
export function cdn(world: string, host: string, storageRoot: string): RequestListener {
  const used = new Set<string>();
  const started = new Set<string>();

  return (req, res) => {
    const note = noteWhenAnswered(world, host, req, res);
    const refuse = (status: number, why: string, accusation?: string) => {
      note.accusation = accusation;
      const body = `<?xml version="1.0"?><Error><Code>${why}</Code></Error>`;
      res.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) });
      res.end(req.method === 'HEAD' ? undefined : body);
    };
    const url = new URL(req.url ?? '/', `https://${host}`);
    const file = join(storageRoot, url.pathname);
    if (req.headers.authorization) return refuse(400, 'Only one auth mechanism allowed', 'got a login');
    if (req.headers.cookie) return refuse(400, 'Bad request', 'got a cookie');
    if (req.method !== 'GET') return refuse(403, 'SignatureDoesNotMatch', `got ${req.method} for a URL signed for GET`);
    const checked = checkSigned(url);
    if ('fault' in checked) return refuse(403, checked.fault);
    const modes = readModes(world);
    if (modes.singleUse && used.has(checked.id)) return refuse(403, 'Request has expired');
    used.add(checked.id);
    if (!existsSync(file)) return refuse(404, 'NoSuchKey');

    const { size } = statSync(file);
    const range = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
    const first = range ? Number(range[1]) : 0;
    const last = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
    if (range && first >= size) {
      res.writeHead(416, { 'content-range': `bytes */${size}`, 'content-length': 0 });
      return res.end();
    }
    res.writeHead(range ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': last - first + 1,
      'accept-ranges': 'bytes',
      etag: `"${size.toString(16)}"`,
      'cache-control': 'public, max-age=14400',
      ...(range ? { 'content-range': `bytes ${first}-${last}/${size}` } : {}),
    });
    if (size === 0) return res.end();

    const key = `${modes.generation} ${url.pathname}`;
    const fails = modes.cdn !== 'whole' && !started.has(key);
    started.add(key);
    if (!fails) return createReadStream(file, { start: first, end: last }).pipe(res);
    const half = first + Math.floor((last - first) / 2);
    const body = createReadStream(file, { start: first, end: half });
    body.on('end', () => {
      // Only once the bytes are out: a cut is a connection that ends in the middle, not one that never began.
      if (modes.cdn === 'cut') res.write('', () => setTimeout(() => res.socket?.destroy(), 20));
    });
    body.pipe(res, { end: false });
  };
}
