import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Echo {
  port: number;
  /** Requests that have come. */
  readonly begun: number;
  /** Requests whose caller left before the answer was out. */
  readonly left: number;
  close(): void;
}

/**
 * A function that says what it got, and answers as its query tells it: `size` bytes, `chunked`, `junk` bytes of header,
 * its request's `headers`, half of the bytes before a `pause` of so many milliseconds, or not at all (`lose`, every other time).
 */
export async function startEcho(): Promise<Echo> {
  let lost = 0;
  let begun = 0;
  let left = 0;
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://function').searchParams;
    const size = Number(query.get('size') ?? 0);
    if (query.has('lose') && lost++ % 2 === 0) {
      request.socket.destroy();
      return;
    }
    begun++;
    response.on('close', () => {
      if (!response.writableFinished) left++;
    });
    let received = 0;
    request.on('data', (part: Buffer) => {
      received += part.length;
    });
    request.on('end', () => {
      response.setHeader('server', 'mine');
      response.setHeader('x-got', received);
      if (query.has('junk')) response.setHeader('x-junk', 'j'.repeat(Number(query.get('junk'))));
      if (query.has('headers')) {
        response.end(JSON.stringify(request.headers));
        return;
      }
      // Said in so many words: a body written at once would get a length all the same.
      if (query.has('chunked')) response.setHeader('transfer-encoding', 'chunked');
      else response.setHeader('content-length', size);
      const pause = Number(query.get('pause') ?? 0);
      if (pause) response.write(Buffer.alloc(size / 2, 'b'));
      setTimeout(() => response.end(Buffer.alloc(pause ? size / 2 : size, 'b')), pause);
    });
  });
  server.keepAliveTimeout = 200;
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    get begun() {
      return begun;
    },
    get left() {
      return left;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
