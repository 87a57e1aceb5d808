// Runs in workerd: the cache of an isolate, asked over HTTP by content-server.ts.
import type { ExecutionContext, R2Bucket, ReadableStream, Response as Reply, Request } from '@cloudflare/workers-types';
import { PATIENCE } from '../../src/shell/patient-store';
import { R2Store } from '../../src/storage/r2';
import { Content } from '../../src/worker/content';
import { faulty } from '../storage/r2-faults';

declare const FixedLengthStream: typeof import('@cloudflare/workers-types').FixedLengthStream;

interface Isolate {
  readonly content: Content;
  /** Names of what R2 was asked for. */
  readonly calls: string[];
  readonly faults: string[];
  /** Bytes that the last fetch was given. */
  given: number;
}

const isolates = new Map<string, Isolate>();

export default {
  async fetch(request: Request, { BUCKET }: { BUCKET: R2Bucket }, context: ExecutionContext): Promise<Reply> {
    const url = new URL(request.url);
    const query = Object.fromEntries(url.searchParams);
    const isolate = isolateOf(query.isolate, query.fault, BUCKET);
    const answer = await respond(url.pathname, query, isolate, request, context);
    return answer as unknown as Reply;
  },
};

function isolateOf(name: string, fault = '', bucket: R2Bucket): Isolate {
  const known = isolates.get(name);
  if (known) return known;
  const [calls, faults]: string[][] = [[], []];
  const counted = new Proxy(faulty(bucket, fault), {
    get(target, of) {
      const value = Reflect.get(target, of);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls.push(String(of));
        return value.apply(target, args);
      };
    },
  });
  const onFault = (error: Error) => faults.push(error.message);
  const times = { piece: 300, commit: 2000 };
  const content = new Content(new R2Store({ bucket: counted, onFault }), onFault, PATIENCE, times);
  const isolate = { content, calls, faults, given: 0 };
  isolates.set(name, isolate);
  return isolate;
}

async function respond(
  path: string,
  query: Record<string, string>,
  isolate: Isolate,
  request: Request,
  context: ExecutionContext,
): Promise<Response> {
  const { content } = isolate;
  const keepAlive = (work: Promise<unknown>) => context.waitUntil(work);
  const { digest = '', link = '' } = query;
  const size = Number(query.size);
  switch (path) {
    case '/find': {
      const blob = digest === '' ? undefined : { digest, link, lead: false };
      return Response.json(await content.find({ verb: 'find', documents: query.documents?.split(',') ?? [], blob }));
    }
    case '/note':
      await content.note(await request.json());
      return new Response();
    case '/keep': {
      const body = new Uint8Array(await request.arrayBuffer());
      await content.keep(digest, body, []);
      return new Response();
    }
    case '/open': {
      const part = { first: Number(query.first), last: Number(query.last), size };
      const source = await content.open(digest, part, keepAlive);
      if (!source) return new Response(null, { status: 404 });
      const kind = source instanceof Uint8Array ? 'bytes' : 'getReader' in source ? 'stream' : 'pieces';
      const headers = { kind };
      if (kind !== 'pieces') return new Response(source as never, { headers });
      return stream(source as AsyncIterable<Uint8Array>, part.last - part.first + 1, keepAlive, headers);
    }
    case '/fetch': {
      isolate.given = 0;
      const source = query.made ? made(Number(query.made), isolate) : chunksOf(request.body as ReadableStream, isolate);
      const keep = { kind: 'blob', digest, size, link: 'link', notes: [{ name: 'link', document: {} }] } as const;
      return stream(content.fetch(keep, source), size, keepAlive);
    }
    default: {
      const { calls, faults, given } = isolate;
      const counts = Response.json({ calls: calls.splice(0), faults: faults.splice(0), given });
      return counts;
    }
  }
}

/** As the Worker sends what comes in pieces (src/worker/reply.ts). */
function stream(
  source: AsyncIterable<Uint8Array>,
  length: number,
  keepAlive: (work: Promise<unknown>) => void,
  headers = {},
): Response {
  const { readable, writable } = new FixedLengthStream(length);
  const pump = async () => {
    const writer = writable.getWriter();
    try {
      for await (const chunk of source) await writer.write(chunk);
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => {});
    }
  };
  keepAlive(pump());
  return new Response(readable as never, { headers });
}

async function* chunksOf(body: ReadableStream<Uint8Array>, isolate: Isolate): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    isolate.given += chunk.length;
    yield chunk;
  }
}

/** As many bytes as anybody asks for. */
async function* made(size: number, isolate: Isolate): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += 64 * 1024) {
    const chunk = new Uint8Array(Math.min(64 * 1024, size - at)).fill(7);
    isolate.given += chunk.length;
    yield chunk;
  }
}
