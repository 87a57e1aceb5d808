import type { IncomingMessage } from 'node:http';
import { readConfig } from '../../src/core/config';
import { registryForward } from '../../src/core/forwards';
import { spanOf } from '../../src/core/range';
import { Resumption } from '../../src/core/resume';
import { routeOf } from '../../src/core/route';
import type { Forward, Span } from '../../src/core/verbs';
import { type Body, type BodyOptions, openBody } from '../../src/node/body';
import { createContext } from '../../src/node/contexts';
import type { Errand } from '../../src/node/errand';
import { responseHead } from '../../src/node/heads';
import type { Context } from '../../src/node/session';
import { Guard } from '../../src/shell/guard';
import { createLog } from '../../src/shell/log';
import type { ErrandRecord } from '../../src/shell/record';
import { DIGEST, type Fields, request } from '../core/heads';

export const BLOB = `/v2/team/app/blobs/${DIGEST}`;

/** A body that was asked for, and all that stands around it. */
export interface Opened {
  readonly body: Body;
  readonly record: ErrandRecord;
  readonly response: IncomingMessage;
  /** Nobody wants it any more. */
  abandon(): void;
}

export interface Errands {
  readonly context: Context;
  /** Asks for a blob as a client would, without following redirects, and opens the body of what comes. */
  open(options?: Partial<BodyOptions> & { headers?: Fields; path?: string }): Promise<Opened>;
  close(): void;
}

/** Errands to one registry. */
export async function errandsTo(url: string, env: Record<string, string> = {}): Promise<Errands> {
  const config = readConfig({ REGISTRY_BACKEND: url, STALL_TIMEOUT: '300ms', RESPONSE_TIMEOUT: '20s', ...env });
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  const context = await createContext(config, new Guard(), log);
  const leavings: AbortController[] = [];
  return {
    context,
    async open({ headers, path = BLOB, ...options } = {}) {
      const leaving = new AbortController();
      leavings.push(leaving);
      const record: ErrandRecord = { resumed: 0, upstream: '127.0.0.1' };
      const errand: Errand = { context, signal: leaving.signal, within: 1000, record };
      const route = routeOf(path, config);
      const first: Forward = registryForward(request(`GET ${path}`, headers), route);
      const response = await context.transport.fetch(first, leaving.signal);
      const body = openBody({
        errand,
        response,
        span: spanOf(responseHead(response)) as Span,
        resumption: (span) => new Resumption(first, first, span, route),
        stall: config.timeouts.stall,
        connections: 1,
        ...options,
      });
      return { body, record, response, abandon: () => leaving.abort() };
    },
    close() {
      for (const leaving of leavings) leaving.abort();
      context.transport.close();
    },
  };
}

/** The whole of a body. */
export async function readAll(body: Body): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
