import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { Miniflare } from 'miniflare';
import { bundle } from '../storage/r2-server';
import { COMPATIBILITY_DATE } from '../worker-runtime';

export interface Counts {
  /** Of R2, in their order. */
  readonly calls: string[];
  readonly faults: string[];
  /** Bytes that the last fetch was given. */
  readonly given: number;
}

/** What a cache gave: `kind` is `bytes`, `stream` or `pieces`; `isWhole` is false where the connection broke. */
export interface Given {
  readonly status: number;
  readonly kind?: string;
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/** Caches in workerd (content-worker.ts), whose own socket is asked. */
export async function startContents() {
  const miniflare = new Miniflare({
    modules: true,
    script: await bundle('test/worker/content-worker.ts'),
    compatibilityDate: COMPATIBILITY_DATE,
    r2Buckets: ['BUCKET'],
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    // What it says of connections that break is what the tests are about.
    handleRuntimeStdio: (output: Readable, errors: Readable) => {
      output.resume();
      errors.resume();
    },
  });
  const base = await miniflare.unsafeGetDirectURL();

  /** The response as soon as its head is there; `body` is sent meanwhile. */
  const send = (path: string, query: Record<string, string | number>, body?: Buffer) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const url = new URL(`${path}?${new URLSearchParams(query as Record<string, string>)}`, base);
      const sent = request(url, { method: body ? 'POST' : 'GET', agent: false }, resolve);
      sent.on('error', reject).end(body);
    });
  const ask = async (path: string, query: Record<string, string | number>, body?: Buffer): Promise<Given> => {
    const response = await send(path, query, body);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk);
    } catch {
      // It says so itself.
    }
    const { statusCode: status = 0, headers, complete: isWhole } = response;
    return { status, kind: headers.kind as string | undefined, bytes: Buffer.concat(chunks), isWhole };
  };
  const json = async (path: string, query: Record<string, string>, body?: unknown) => {
    const { bytes } = await ask(path, query, body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
    return bytes.length === 0 ? undefined : JSON.parse(bytes.toString());
  };
  return {
    send,
    ask,
    json,
    /** What happened since it was last asked for. */
    counts: (isolate: string): Promise<Counts> => json('/counts', { isolate }),
    bucket: () => miniflare.getR2Bucket('BUCKET'),
    caches: () => miniflare.getCaches(),
    stop: () => miniflare.dispose(),
  };
}
