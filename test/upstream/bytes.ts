import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from './listen';
import { markCut } from './record';

export interface ServeOptions {
  headers: OutgoingHttpHeaders;
  etag: string;
  /** Without a length the body goes out chunked. */
  framing?: 'length' | 'chunked';
  /** Bytes a second over each connection, as on a link across a border. */
  rate?: number;
  /** What all that has the same one shares the rate of. */
  link?: object;
}

/** Serves bytes as a careful object store does (conditions, ranges), apart from the fault that this request meets. */
export async function serveBytes(exchange: Exchange, content: Buffer, options: ServeOptions): Promise<void> {
  const { seen, fault } = exchange;
  const etag = fault?.kind === 'changed-etag' ? '"another"' : options.etag;
  const headers: OutgoingHttpHeaders = { ...options.headers, etag, 'accept-ranges': 'bytes' };

  const unless = seen.header('if-none-match');
  if (unless !== undefined && (unless === '*' || unless.split(/,\s*/).includes(etag))) {
    return exchange.send(304, { etag });
  }
  const condition = seen.header('if-range');
  const asked = condition === undefined || condition === etag ? seen.header('range') : undefined;
  const ranges = fault?.kind === 'ignore-range' ? undefined : parseRanges(asked, content.length);
  if (ranges === 'unsatisfiable') return exchange.send(416, { 'content-range': `bytes */${content.length}` });
  if (ranges === undefined) return stream(exchange, 200, headers, content, options);
  if (ranges.length > 1) return serveParts(exchange, headers, content, ranges, options);

  const [wantedStart, wantedEnd] = ranges[0] as [number, number];
  const start = fault?.kind === 'wrong-content-range' ? wantedStart + fault.shift : wantedStart;
  const end = fault?.kind === 'short-range' ? Math.min(wantedEnd, start + fault.bytes - 1) : wantedEnd;
  const size = fault?.kind === 'changed-size' ? content.length + fault.by : content.length;
  const total = fault?.kind === 'unknown-total' ? '*' : size;
  headers['content-range'] = `bytes ${start}-${end}/${total}`;
  return stream(exchange, 206, headers, content.subarray(start, end + 1), options);
}

async function stream(
  exchange: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  body: Buffer,
  { framing = 'length', rate, link = exchange.req.socket }: Pick<ServeOptions, 'framing' | 'rate' | 'link'>,
): Promise<void> {
  const { res, seen, fault } = exchange;
  const short = fault?.kind === 'clean-short';
  const framed = framing === 'length' && !short ? { ...headers, 'content-length': body.length } : headers;
  if (seen.method === 'HEAD') return exchange.send(status, { ...headers, 'content-length': body.length });

  seen.status = status;
  res.writeHead(status, framed);
  res.flushHeaders();
  const stopAt = fault && 'after' in fault ? Math.min(Math.floor(fault.after), body.length) : body.length;
  for (let offset = 0; offset < stopAt; ) {
    const piece = body.subarray(offset, Math.min(offset + (rate ? 16 : 64) * 1024, stopAt));
    if (rate) await keepTo(rate, link, piece.length);
    if (!(await write(exchange, piece))) return;
    offset += piece.length;
  }
  if (fault?.kind === 'cut') {
    markCut(res);
    res.socket?.destroy();
    return;
  }
  if (fault?.kind === 'stall') return;
  if (fault?.kind === 'trailing-garbage') await write(exchange, Buffer.alloc(fault.bytes, '!'));
  res.end();
}

const LATENESS = 50;

/** When each link may send its next byte. */
const freeAt = new WeakMap<object, number>();

async function keepTo(rate: number, link: object, bytes: number): Promise<void> {
  const now = performance.now();
  // Timers are late; what they lose is made good at once.
  const free = Math.max(now - LATENESS, freeAt.get(link) ?? now) + (bytes / rate) * 1000;
  freeAt.set(link, free);
  if (free - now > 5) await new Promise((resolve) => setTimeout(resolve, free - now));
}

/** Resolves when the piece is on its way (false: the peer has left), so that a cut comes after the bytes and not instead of them. */
function write({ res, seen }: Exchange, piece: Buffer): Promise<boolean> {
  if (res.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onClose = () => resolve(false);
    res.once('close', onClose);
    res.write(piece, (error) => {
      res.off('close', onClose);
      if (!error) seen.bytesOut += piece.length;
      resolve(!error);
    });
  });
}

function serveParts(
  exchange: Exchange,
  headers: OutgoingHttpHeaders,
  content: Buffer,
  ranges: [number, number][],
  options: ServeOptions,
): Promise<void> {
  const boundary = 'part-of-a-layer';
  const type = headers['content-type'];
  const parts = ranges.flatMap(([start, end]) => [
    Buffer.from(
      `--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${start}-${end}/${content.length}\r\n\r\n`,
    ),
    content.subarray(start, end + 1),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
  return stream(
    exchange,
    206,
    { ...headers, 'content-type': `multipart/byteranges; boundary=${boundary}` },
    body,
    options,
  );
}

function parseRanges(header: string | undefined, size: number): [number, number][] | 'unsatisfiable' | undefined {
  if (header === undefined || !header.startsWith('bytes=')) return undefined;
  const ranges: [number, number][] = [];
  for (const part of header.slice('bytes='.length).split(',')) {
    const match = /^\s*(\d*)-(\d*)\s*$/.exec(part);
    if (!match || (match[1] === '' && match[2] === '')) return undefined;
    const suffix = match[1] === '';
    const start = suffix ? Math.max(0, size - Number(match[2])) : Number(match[1]);
    const end = suffix || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
    if (start <= end) ranges.push([start, end]);
  }
  return ranges.length > 0 ? ranges : 'unsatisfiable';
}
