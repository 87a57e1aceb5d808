import type { Config } from '../core/config';
import { Exchange } from '../core/exchange';
import type { Memory } from '../core/memory';
import type { RequestHead } from '../core/verbs';
import type { RequestSpending } from '../shell/budget-keeper';
import type { Guard } from '../shell/guard';
import type { Log } from '../shell/log';
import type { RequestRecord } from '../shell/record';
import { logRequest, openRecord } from '../shell/request-log';
import type { TokenStore } from '../shell/token-store';
import { traceOf } from '../shell/trace';
import type { Users } from '../shell/users';
import type { Content } from './content';
import { requestHead } from './heads';
import type { KeepAlive } from './platform';
import type { IsolateTraces } from './traces';

/** What the requests of an isolate share under one configuration. */
export interface Context {
  readonly config: Config;
  readonly memory: Memory & { readonly tokens: TokenStore };
  /** Present where the configuration has a gate with users. */
  readonly users?: Users;
  readonly guard: Guard;
  /** Present where the configuration has a cache. */
  readonly content?: Content;
  /** Beside `content`. @throws Error where the store cannot be written or read */
  readonly tryStore?: () => Promise<void>;
  readonly log: Log;
  /** Present where the configuration names a collector. */
  readonly traces?: IsolateTraces;
}

/** One request under way. */
export interface Session {
  readonly context: Context;
  readonly exchange: Exchange;
  readonly head: RequestHead;
  readonly request: Request;
  /** Aborted when all is over. */
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
  readonly keepAlive: KeepAlive;
  readonly onEnd: (then: () => void) => void;
  readonly finish: (ending: SessionEnd) => void;
  /** Present where the day has budgets. */
  readonly spending?: RequestSpending;
  /** Requests to upstreams so far, shared with those that are asked inside for this one. */
  asked: { count: number };
}

export interface SessionEnd {
  readonly status: number;
  readonly isWhole: boolean;
  readonly hasLeft?: boolean;
}

/** @param isOwn it is the Worker's own, for no client */
export function openSession(context: Context, request: Request, keepAlive: KeepAlive, isOwn = false): Session {
  const { config, memory, guard, log } = context;
  const head = requestHead(request);
  const record = openRecord(head, traceOf(head, context.traces));
  const spending = guard.budgets.open({ config, record, log, isOwn });
  const exchange = new Exchange(config, memory, head, spending);
  const leaving = new AbortController();
  let waiting: (() => void)[] | undefined = [];
  return {
    context,
    exchange,
    head,
    request,
    signal: leaving.signal,
    record,
    keepAlive,
    spending,
    asked: { count: 0 },
    onEnd: (then) => (waiting ? waiting.push(then) : then()),
    finish: ({ status, isWhole, hasLeft = false }) => {
      const all = waiting;
      if (!all) return;
      waiting = undefined;
      leaving.abort();
      spending?.end();
      for (const then of all) then();
      const ending = { config, head, route: exchange.route, record, status, isWhole, hasLeft };
      logRequest(log, ending);
      record.trace?.notes?.end(ending);
      if (context.traces) keepAlive(context.traces.flush());
    },
  };
}

/** All of a request is over: what waits for that is told, and its line is logged. */
export function end(session: Session, ending: SessionEnd): void {
  session.finish(ending);
}
