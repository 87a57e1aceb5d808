// A registry over plain HTTP that fails in every way there is: half of its first answers for anything are bad, and after so
// many bad ones for one thing it answers well. Which fault comes when depends on the seed and on what was asked before.
//   SEED=<word> [FAULTS=<some of them, with commas between>] node faulty-registry.js
// GET /-/faults says how often each fault was met.
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { chance, chooseBy } from '../chance';
import type { Content } from '../noise';
import { Pace } from '../pace';
import { stormImage } from '../storm-images';

const seed = process.env.SEED ?? '';
const BAD = 0.4;
/** Bad answers for one path. */
const MOST = 4;
const PIECE = 64 * 1024;
const SLOW = 1_000_000;

const ANSWERS = ['500', '502', '503', '429', 'reset', 'silent', 'slow head'] as const;
const BODIES = ['cut', 'polite end', 'stall', 'slow', 'wrong byte', 'too few', 'too many', 'no length'] as const;
const PARTS = ['whole for a part', 'another part', 'another size', 'another body'] as const;

type Fault = (typeof ANSWERS)[number] | (typeof BODIES)[number] | (typeof PARTS)[number];

const only = process.env.FAULTS?.split(',');
const asked = new Map<string, number>();
const bad = new Map<string, number>();
const met: Partial<Record<Fault, number>> = {};

function faultOf(req: IncomingMessage, path: string): Fault | undefined {
  const key = `${req.method} ${path}`;
  const nth = (asked.get(key) ?? 0) + 1;
  asked.set(key, nth);
  const soFar = bad.get(key) ?? 0;
  if (soFar >= MOST || chance(seed, key, nth) >= BAD) return undefined;
  const body = req.method === 'HEAD' ? [] : BODIES;
  const part = req.headers.range === undefined || req.method === 'HEAD' ? [] : PARTS;
  const possible = [...ANSWERS, ...body, ...body, ...part, ...part].filter((each) => only?.includes(each) ?? true);
  if (possible.length === 0) return undefined;
  const fault = chooseBy(chance(seed, key, nth, 'which'), possible);
  bad.set(key, soFar + 1);
  met[fault] = (met[fault] ?? 0) + 1;
  return fault;
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = ''] = (req.url ?? '').split('?');
  if (path === '/-/faults') return send(req, res, 200, met);
  if (path === '/v2/') return send(req, res, 200, {});
  const [, number = '', kind, reference] = /^\/v2\/storm\/(\d+)\/(manifests|blobs)\/([\w:.-]+)$/.exec(path) ?? [];
  if (kind === undefined) return send(req, res, 404, { errors: [{ code: 'NAME_UNKNOWN' }] });
  const { manifest, config, layers } = stormImage(seed, Number(number));
  const content =
    kind === 'manifests'
      ? [manifest].find(({ digest }) => reference === 'latest' || reference === digest)
      : [config, ...layers].find(({ digest }) => digest === reference);
  if (!content) return send(req, res, 404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] });
  const fault = faultOf(req, path);
  switch (fault) {
    case '500':
    case '502':
    case '503':
      return send(req, res, Number(fault), { errors: [{ code: 'UNKNOWN' }] });
    case '429':
      return send(req, res, 429, { errors: [{ code: 'TOOMANYREQUESTS' }] }, { 'retry-after': '1' });
    case 'reset':
      return void req.socket.resetAndDestroy();
    case 'silent':
      return;
    case 'slow head':
      await setTimeout(500);
      return sendContent(req, res, content, undefined);
    default:
      return sendContent(req, res, content, fault);
  }
}

async function sendContent(
  req: IncomingMessage,
  res: ServerResponse,
  content: Content,
  fault: Fault | undefined,
): Promise<void> {
  const { type, digest, size } = content;
  const wanted = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
  const isPart = wanted !== null && fault !== 'whole for a part' && req.method !== 'HEAD';
  const [from, to] = isPart ? [Number(wanted[1]), Number(wanted[2] || size - 1)] : [0, size - 1];
  if (from >= size) return send(req, res, 416, {}, { 'content-range': `bytes */${size}` });
  const first = fault === 'another part' ? Math.max(0, from - 7) : from;
  const last = Math.min(to, size - 1);
  const length = last + 1 - first;
  const few = fault === 'too few' ? Math.ceil(length / 2) : length;
  const many = fault === 'too many' ? length + 10 : few;
  const total = fault === 'another size' ? size + 1 : size;
  res.writeHead(isPart ? 206 : 200, {
    'content-type': type,
    ...(fault === 'no length' ? {} : { 'content-length': many }),
    'accept-ranges': 'bytes',
    'docker-content-digest': digest,
    'docker-distribution-api-version': 'registry/2.0',
    etag: fault === 'another body' ? `"other ${digest}"` : `"${digest}"`,
    ...(isPart ? { 'content-range': `bytes ${first}-${first + few - 1}/${total}` } : {}),
  });
  if (req.method === 'HEAD') return void res.end();
  res.flushHeaders();
  const breakAt = Math.floor(chance(seed, digest, first, 'where') * few);
  const pace = new Pace(fault === 'slow' ? SLOW : Number.POSITIVE_INFINITY);
  for (let at = 0; at < few && !res.destroyed; at += PIECE) {
    const piece = Buffer.from(content.read(first + at, Math.min(PIECE, few - at)));
    const place = breakAt - at;
    const isHere = place >= 0 && place < piece.length;
    if (isHere && (fault === 'wrong byte' || fault === 'another body'))
      piece.writeUInt8(piece.readUInt8(place) ^ 1, place);
    if (isHere && (fault === 'cut' || fault === 'polite end' || fault === 'stall')) {
      await new Promise<void>((done) => res.write(piece.subarray(0, place + 1), () => done()));
      if (fault === 'cut') req.socket.resetAndDestroy();
      if (fault === 'polite end') req.socket.end();
      return;
    }
    await pace.wait(piece.length);
    if (!res.write(piece) && !res.destroyed) await drained(res);
  }
  res.end(fault === 'too many' ? Buffer.alloc(10, 1) : undefined);
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  body: object,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers });
  res.end(req.method === 'HEAD' ? undefined : text);
}

const server = http.createServer((req, res) => {
  req.socket.setNoDelay();
  answer(req, res).catch(() => res.destroy());
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port })}\n`);
});
