import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../core/config';
import { Exchange } from '../core/exchange';
import type { Memory } from '../core/memory';
import type { RequestHead } from '../core/verbs';
import type { Counts } from '../shell/counts';
import type { Guard } from '../shell/guard';
import type { Log } from '../shell/log';
import type { RequestRecord } from '../shell/record';
import { logRequest, openRecord } from '../shell/request-log';
import type { TokenStore } from '../shell/token-store';
import { traceOf } from '../shell/trace';
import type { Users } from '../shell/users';
import type { Occupied } from '../storage/store';
import type { Content } from './content';
import { requestHead } from './heads';
import type { ProcessTraces } from './traces';
import type { Transport } from './transport';

/** What every request of a process shares. */
export interface Context {
  readonly config: Config;
  readonly memory: Memory & { readonly tokens: TokenStore };
  /** Present where the configuration has a gate with users. */
  readonly users?: Users;
  readonly guard: Guard;
  readonly counts: Counts;
  /** Present where the configuration has a cache. */
  readonly content?: Content;
  /** What the store of it has. */
  readonly occupied?: () => Occupied;
  /** Beside `content`. @throws Error where the store cannot be written or read */
  readonly tryStore?: () => Promise<void>;
  readonly transport: Transport;
  readonly log: Log;
  /** Present where the configuration names a collector. */
  readonly traces?: ProcessTraces;
  /** Gives back what is shared with other contexts; never fails. */
  readonly release?: () => Promise<void>;
}

/** One request under way. */
export interface Session {
  readonly context: Context;
  readonly exchange: Exchange;
  readonly head: RequestHead;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
  /** Where others wait for what comes of this request: tells them that they need not any more. */
  settle?: () => void;
}

/** Takes note of a request: from here on its leaving is noticed and its end is logged. */
export function openSession(context: Context, req: IncomingMessage, res: ServerResponse): Session {
  const head = requestHead(req);
  const leaving = new AbortController();
  const record = openRecord(head, traceOf(head, context.traces));
  const exchange = new Exchange(context.config, context.memory, head);
  const session: Session = { context, exchange, head, req, res, signal: leaving.signal, record };
  res.once('close', () => {
    if (!res.writableFinished) leaving.abort();
    logEnd(session);
  });
  res.once('finish', () => endLingering(req));
  // A request that breaks off is seen on the response's side; unheard, its error would end the process.
  req.on('error', () => {});
  return session;
}

function logEnd({ context, exchange, head, res, record, signal }: Session): void {
  context.counts.add(record);
  const ending = {
    config: context.config,
    head,
    route: exchange.route,
    record,
    status: res.headersSent ? res.statusCode : undefined,
    isWhole: res.writableFinished,
    hasLeft: signal.aborted,
  };
  logRequest(context.log, ending);
  record.trace?.notes?.end(ending);
}

/** Milliseconds that a client may go on sending a body after it has been answered, as nginx's lingering_time. */
const LINGERING_TIME = 30_000;

/** Node reads an unwanted body away, for ever if need be. */
function endLingering(req: IncomingMessage): void {
  if (req.complete) return;
  const timer = setTimeout(() => req.socket.destroy(), LINGERING_TIME).unref();
  req.once('close', () => clearTimeout(timer));
}
