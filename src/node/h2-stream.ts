import http, { type IncomingMessage } from 'node:http';
import http2, { type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';

/** Bytes of a body that wait in a stream for the client's window before the sender is held. */
const MAX_PENDING = 128 * 1024;

/** Milliseconds between two looks whether an answer is out. */
const SENT_CHECK = 50;

/** Methods whose request has a body, if an empty one (RFC 9110 section 8.6). */
const WITH_BODY = /^(POST|PUT|PATCH)$/;

/**
 * Carries one HTTP/2 stream over an HTTP/1.1 connection inside this process: its request one way, the response back. What
 * breaks off on one side is reset on the other, and never looks like an end.
 * @param fields the request's head as it came: name, value, name, value, …
 * @param connect makes the connection, when the head is found to be one
 * @param patience milliseconds for the client to take the last bytes; 0 for no limit
 * @throws where HTTP/1.1 has no form for this head; nothing has been sent then
 */
export function carryStream(
  stream: ServerHttp2Stream,
  fields: readonly string[],
  connect: () => Duplex,
  patience: () => number,
): void {
  const request = http.request({ ...requestOf(stream, fields), createConnection: connect });
  request.on('continue', () => {
    if (!stream.headersSent && !stream.closed) stream.additionalHeaders({ ':status': 100 });
  });
  // Once there is a response, what becomes of it is told by the response itself.
  let response: IncomingMessage | undefined;
  request.on('error', () => response ?? reset(stream));
  request.once('response', (answer) => {
    response = answer;
    sendResponse(response, stream, patience);
    response.once('end', () => stopBody());
  });
  stream.once('close', () => {
    // What is whole ends by itself: the server need not have noticed yet that it has said all.
    if (response?.complete) response.removeAllListeners('data').resume();
    else request.destroy();
  });
  const stopBody = sendRequestBody(stream, request);
}

/** The same request in HTTP/1.1: `:authority` is its Host (RFC 9113 section 8.3.1), and every line stays one. */
function requestOf(stream: ServerHttp2Stream, fields: readonly string[]): http.RequestOptions {
  const pairs = fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1]] as const] : []));
  const pseudo = new Map(pairs.filter(([name]) => name.startsWith(':')));
  const authority = pseudo.get(':authority');
  const method = pseudo.get(':method') as string;
  const regular = pairs.filter(([name]) => !name.startsWith(':') && (authority === undefined || name !== 'host'));
  const host = authority === undefined ? [] : ['host', authority];
  // One request each: the server's end of the connection says that it has said all.
  const single = ['connection', 'close'];
  const isMeasured = regular.some(([name]) => name === 'content-length');
  return {
    method,
    path: pseudo.get(':path'),
    headers: [...host, ...regular.flat(), ...single, ...(isMeasured ? [] : framing(method, stream.endAfterHeaders))],
  };
}

function framing(method: string, isEmpty: boolean): string[] {
  if (!isEmpty) return ['transfer-encoding', 'chunked'];
  return WITH_BODY.test(method) ? ['content-length', '0'] : [];
}

/** Sends the request at the pace of the server. Returns what makes an end of it. */
function sendRequestBody(stream: ServerHttp2Stream, request: http.ClientRequest): () => void {
  if (stream.endAfterHeaders) {
    request.end();
    // Node resets a stream that nobody reads, and the reset may overtake the answer.
    stream.resume();
    return () => {};
  }
  const onData = (chunk: Buffer) => request.write(chunk) || stream.pause();
  const onDrain = () => stream.resume();
  // A client that breaks off ends its stream as well, but not its body.
  const onEnd = () => (stream.closed ? request.destroy() : request.end());
  // Else the head would wait for the first byte of the body, which may wait for an answer.
  request.flushHeaders();
  request.on('drain', onDrain);
  stream.on('data', onData).once('end', onEnd);
  return () => {
    request.off('drain', onDrain);
    stream.off('data', onData).off('end', onEnd);
    refuseRest(stream);
  };
}

function sendResponse(response: IncomingMessage, stream: ServerHttp2Stream, patience: () => number): void {
  response.on('error', () => reset(stream));
  if (stream.closed || stream.destroyed) return void response.destroy();
  stream.respond({ ':status': response.statusCode, ...responseFields(response.rawHeaders) });
  response.on('data', (chunk: Buffer) => {
    stream.write(chunk);
    if (stream.writableLength >= MAX_PENDING) response.pause();
  });
  stream.on('drain', () => response.resume());
  response.once('end', () => {
    if (!response.complete) return reset(stream);
    stream.end();
    awaitEnd(stream, patience());
  });
}

/** What only holds for one HTTP/1.1 connection, and is malformed here (RFC 9113 section 8.2.2). */
const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** Fields whose lines cannot be joined without changing what they say, or that clients read line by line. */
const SEPARATE = new Set(['set-cookie', 'www-authenticate']);

function responseFields(raw: readonly string[]): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {};
  raw.forEach((value, index) => {
    const name = raw[index - 1]?.toLowerCase();
    if (index % 2 === 0 || CONNECTION_FIELDS.has(name)) return;
    const present = fields[name];
    if (SEPARATE.has(name)) fields[name] = [...(present ?? []), value];
    else fields[name] = present === undefined ? value : `${present}, ${value}`;
  });
  return fields;
}

/** The last bytes wait for the client's window, and not for ever. */
function awaitEnd(stream: ServerHttp2Stream, patience: number): void {
  const timer = patience > 0 ? setTimeout(() => reset(stream), patience) : undefined;
  stream.once('close', () => clearTimeout(timer));
}

/** Stops a client that goes on sending after its answer (RFC 9113 section 8.1). */
export function refuseRest(stream: ServerHttp2Stream): void {
  if (stream.endAfterHeaders || stream.readableEnded) return;
  // Only when the end of the answer is on its way, of which no event tells: the reset would overtake it.
  const stop = () => stream.state.localClose === 1 && stream.close(http2.constants.NGHTTP2_NO_ERROR);
  const timer = setInterval(stop, SENT_CHECK);
  stream.once('close', () => clearInterval(timer));
  stream.resume();
}

/** What a stream is reset with where not the client has done it. */
export const BROKEN_OFF = new Error('the response broke off');

/** By an error and not by `close`, which would send what ends a body before it resets the stream (invariant 2). */
function reset(stream: ServerHttp2Stream): void {
  stream.destroy(BROKEN_OFF);
}
