import type { IncomingMessage, ServerResponse } from 'node:http';

/** What one upstream saw of one request. `closedEarlyAt` is set when the peer left before the answer was whole. */
export interface Recorded {
  method: string;
  target: string;
  path: string;
  query: URLSearchParams;
  rawHeaders: [name: string, value: string][];
  header(name: string): string | undefined;
  body: Buffer;
  bytesIn: number;
  bytesOut: number;
  status?: number;
  /** Remote port: two requests with the same one came over the same connection. */
  connection: number;
  startedAt: number;
  closedEarlyAt?: number;
  closed: boolean;
  whenClosed: Promise<void>;
}

export interface Journal {
  requests: Recorded[];
  accusations: string[];
}

export function emptyJournal(): Journal {
  return { requests: [], accusations: [] };
}

export function record(journal: Journal, req: IncomingMessage, res: ServerResponse): Recorded {
  const target = req.url ?? '';
  const queryAt = target.indexOf('?');
  const rawHeaders: [string, string][] = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    rawHeaders.push([req.rawHeaders[i] as string, req.rawHeaders[i + 1] as string]);
  }
  const recorded: Recorded = {
    method: req.method ?? '',
    target,
    path: queryAt < 0 ? target : target.slice(0, queryAt),
    query: new URLSearchParams(queryAt < 0 ? '' : target.slice(queryAt + 1)),
    rawHeaders,
    header: (name) => rawHeaders.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1],
    body: Buffer.alloc(0),
    bytesIn: 0,
    bytesOut: 0,
    connection: req.socket.remotePort ?? 0,
    startedAt: Date.now(),
    closed: false,
    whenClosed: new Promise((resolve) => {
      res.once('close', () => {
        recorded.status ??= res.headersSent ? res.statusCode : undefined;
        if (!res.writableFinished && !cutByUs.has(res)) recorded.closedEarlyAt = recorded.bytesOut;
        recorded.closed = true;
        resolve();
      });
    }),
  };
  journal.requests.push(recorded);
  return recorded;
}

/** Marks an answer that the fixture itself ends early, so that the peer is not said to have left. */
export function markCut(res: ServerResponse): void {
  cutByUs.add(res);
}

const cutByUs = new WeakSet<ServerResponse>();
