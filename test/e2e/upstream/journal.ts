import { appendFileSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';

/** One request that reached an imitated host, as the tests read it. */
export interface Seen {
  host: string;
  method: string;
  url: string;
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** User name of a Basic login. */
  login?: string;
  /** What a request must never have done. */
  accusation?: string;
}

/** How the imitated hosts behave; the tests change it while they run. */
export interface Modes {
  /** What the CDN does with the first request for each blob. `generation` starts counting anew. */
  cdn: 'whole' | 'cut' | 'stall';
  generation: number;
  /** A signed URL is good for one request only. */
  singleUse: boolean;
  /** The registry answers HEAD for a blob with a redirect to a URL that is signed for GET. */
  headRedirect: boolean;
}

export const usualModes: Modes = { cdn: 'whole', generation: 0, singleUse: false, headRedirect: false };

export const journalFile = (world: string) => join(world, 'requests.jsonl');
export const modesFile = (world: string) => join(world, 'modes.json');

export function readModes(world: string): Modes {
  return JSON.parse(readFileSync(modesFile(world), 'utf8'));
}

const KEPT = [
  'authorization',
  'cookie',
  'range',
  'accept',
  'user-agent',
  'via',
  'content-type',
  'x-forwarded-for',
  'traceparent',
];

/** Notes a request once it is answered. A login is kept by its scheme only. */
export function noteWhenAnswered(world: string, host: string, req: IncomingMessage, res: ServerResponse) {
  const note = { accusation: undefined as string | undefined };
  res.on('close', () => {
    const headers = Object.fromEntries(
      KEPT.filter((name) => req.headers[name] !== undefined).map((name) => [name, req.headers[name]]),
    );
    const [scheme, value = ''] = String(headers.authorization ?? '').split(' ');
    if (headers.authorization) headers.authorization = scheme;
    const seen: Seen = {
      host,
      method: req.method ?? '',
      url: req.url ?? '',
      status: res.statusCode,
      headers,
      ...(scheme === 'Basic' ? { login: Buffer.from(value, 'base64').toString().split(':')[0] } : {}),
      ...(note.accusation ? { accusation: note.accusation } : {}),
    };
    appendFileSync(journalFile(world), `${JSON.stringify(seen)}\n`);
  });
  return note;
}
