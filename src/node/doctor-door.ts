import { createHash } from 'node:crypto';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Seen } from '../core/doctor/evidence';
import type { Door, Question } from '../shell/doctor-door';
import { sendRequest } from './client-request';
import { failureOf } from './failures';
import { responseHead } from './heads';
import { reachHost } from './reach';
import { receiverOf } from './received';

/** Milliseconds to a connection, its TLS included. */
const CONNECT_TIME = 10_000;

/** Milliseconds to the head of an answer: the proxy asks its registry again before it gives up, and waits for a copy (`OFFLOAD_WAIT`). */
const ANSWER_TIME = 75_000;

/** Milliseconds for a body, as far as it is read. */
const BODY_TIME = 60_000;

/** Bytes of a body that are sent at once. */
const SENT_AT_ONCE = 64 * 1024;

/** Asks over the network. */
export function openDoctorDoor(signal: AbortSignal): Door & { close(): void } {
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };
  return {
    reach: (url) => reachHost(url, CONNECT_TIME),
    ask: (question) => ask(question, agents[question.url.scheme], signal),
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

async function ask(question: Question, agent: http.Agent, signal: AbortSignal): Promise<Seen> {
  const { method, url, body } = question;
  const begun = performance.now();
  const length = body === undefined ? [] : [['content-length', String(body)] as const];
  try {
    const response = await sendRequest({
      method,
      url,
      headers: [...question.headers, ...length],
      signal,
      agent,
      within: ANSWER_TIME,
      connectWithin: CONNECT_TIME,
      ...(body !== undefined && { send: (request: ClientRequest) => sendZeros(request, body) }),
    });
    return await seeAnswer(question, response, begun);
  } catch (error) {
    return seeFailure(question, error, begun);
  }
}

/** @param begun of performance.now() */
export async function seeAnswer(question: Question, response: IncomingMessage, begun: number): Promise<Seen> {
  const { method, url } = question;
  const at = Date.now();
  const wait = performance.now() - begun;
  const { status, headers } = responseHead(response);
  return { method, url, wait, at, status, headers, ...(await readBody(response, question)) };
}

export function seeFailure({ method, url }: Question, error: unknown, begun: number): Seen {
  const wait = performance.now() - begun;
  const nothing = { headers: [], received: 0, duration: 0, ending: 'cut', start: new Uint8Array() } as const;
  return { method, url, wait, at: Date.now(), failure: failureOf(error), ...nothing };
}

type BodySeen = Pick<Seen, 'received' | 'duration' | 'ending' | 'start' | 'digest'>;

/** Reads as much as is wanted; the connection is given up where that was not all. */
async function readBody(response: IncomingMessage, { take, keep, hash }: Question): Promise<BodySeen> {
  const begun = performance.now();
  const digest = hash === undefined ? undefined : createHash(hash);
  const kept: Buffer[] = [];
  let received = 0;
  const seen = (ending: Seen['ending']): BodySeen => ({
    received,
    duration: performance.now() - begun,
    ending,
    start: Buffer.concat(kept).subarray(0, keep),
    ...(ending === 'whole' && digest && { digest: `${hash}:${digest.digest('hex')}` }),
  });
  const timer = setTimeout(() => response.destroy(), BODY_TIME);
  try {
    const note = receiverOf(response);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      note?.(chunk.length);
      if (received < keep) kept.push(chunk);
      received += chunk.length;
      digest?.update(chunk);
      if (received > take) return seen('enough');
    }
    return seen(response.complete ? 'whole' : 'cut');
  } catch {
    return seen('cut');
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
}

/** A server that has heard enough answers before it has all of it, and closes: what it said is read all the same. */
async function sendZeros(request: ClientRequest, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(bytes, SENT_AT_ONCE));
  let isOver = false;
  request.once('response', () => {
    isOver = true;
  });
  for (let left = bytes; left > 0 && !isOver && !request.destroyed; left -= zeros.length) {
    if (!request.write(left < zeros.length ? zeros.subarray(0, left) : zeros)) await drained(request);
  }
  if (!isOver) request.end();
}

function drained(request: ClientRequest): Promise<void> {
  const events = ['drain', 'close', 'response', 'error'];
  return new Promise((resolve) => {
    const onEnd = () => {
      for (const event of events) request.off(event, onEnd);
      resolve();
    };
    for (const event of events) request.on(event, onEnd);
  });
}
