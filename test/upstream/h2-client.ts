import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';

export interface H2Ask {
  method?: string;
  headers?: OutgoingHttpHeaders;
  /** A list is sent piece by piece. */
  body?: string | Buffer | Buffer[];
}

export interface H2Reply {
  status: number;
  headers: [name: string, value: string][];
  header(name: string): string | undefined;
  /** Every line of this name. */
  lines(name: string): string[];
  body: Buffer;
  text: string;
  /** `clean`: the stream said that this is all. `reset`: it was broken off before. */
  ending: 'clean' | 'reset';
  /** Of the RST_STREAM; 0 where there was none. */
  code: number;
}

export interface H2Client {
  session: ClientHttp2Session;
  /** One request, its whole answer. Rejects only when no head comes. */
  ask(target: string, options?: H2Ask): Promise<H2Reply>;
  /** The stream alone, its request sent whole unless `body` is left to the caller. */
  open(target: string, options?: H2Ask & { isOpen?: boolean }): ClientHttp2Stream;
  close(): void;
}

/** One connection that has agreed on HTTP/2. */
export async function connectH2(url: string, options: SecureClientSessionOptions): Promise<H2Client> {
  const session = connect(url, options);
  session.on('error', () => {});
  await once(session, 'connect');
  const open: H2Client['open'] = (target, { method = 'GET', headers, body, isOpen } = {}) => {
    const hasBody = body !== undefined || isOpen === true;
    const stream = session.request({ ':method': method, ':path': target, ...headers }, { endStream: !hasBody });
    stream.on('error', () => {});
    if (body !== undefined) writeBody(stream, body);
    return stream;
  };
  return {
    session,
    open,
    ask: (target, asked) => readReply(open(target, asked)),
    close: () => session.destroy(),
  };
}

export function readReply(stream: ClientHttp2Stream): Promise<H2Reply> {
  return new Promise((resolve, reject) => {
    let status: number | undefined;
    const headers: [string, string][] = [];
    const chunks: Buffer[] = [];
    let isEnded = false;
    stream.on('response', (head, _flags, raw?: string[]) => {
      status = head[':status'];
      for (let i = 0; i < (raw?.length ?? 0); i += 2) headers.push([raw?.[i] as string, raw?.[i + 1] as string]);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      isEnded = true;
    });
    stream.once('close', () => {
      const code = stream.rstCode ?? 0;
      if (status === undefined) return reject(Object.assign(new Error(`no answer: RST_STREAM ${code}`), { code }));
      const lines = (name: string) => headers.filter(([key]) => key === name).map(([, value]) => value);
      const body = Buffer.concat(chunks);
      const ending = isEnded && (code === 0 || stream.endAfterHeaders) ? 'clean' : 'reset';
      resolve({ status, headers, lines, header: (name) => lines(name)[0], body, text: body.toString(), ending, code });
    });
  });
}

async function writeBody(stream: ClientHttp2Stream, body: NonNullable<H2Ask['body']>): Promise<void> {
  const gone = once(stream, 'close').catch(() => {});
  for (const piece of [body].flat()) {
    if (stream.destroyed) return;
    if (!stream.write(piece)) await Promise.race([once(stream, 'drain').catch(() => {}), gone]);
  }
  stream.end();
}
