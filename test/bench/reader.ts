import { connect } from 'node:net';

export interface ReadOptions {
  /** Bytes a second; as fast as they come where it is left out. */
  readonly rate?: number;
  /** Stops reading after so many bytes of the body, and stays connected. */
  readonly stopAfter?: number;
  /** The value of `Range`; the answer must then be 206. */
  readonly range?: string;
  readonly onBody?: (piece: Buffer) => void;
}

export interface Reading {
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** All that was promised has come. */
  readonly complete: boolean;
}

export interface Reader {
  /** Settles when the response is over or broken, when `stopAfter` is reached, or after `leave`. */
  readonly done: Promise<Reading>;
  bytes(): number;
  leave(): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** GETs a URL by hand: reading costs next to nothing, so what is measured is the other end. */
export function read(url: string, { rate, stopAfter, range, onBody }: ReadOptions = {}): Reader {
  const { hostname, port, pathname, search } = new URL(url);
  let head: Buffer | undefined = Buffer.alloc(0);
  let status = 0;
  let length = Number.NaN;
  let bytes = 0;
  let settle: () => void = () => {};
  const startedAt = performance.now();

  /** False where the reader is ahead of its rate, or wants no more: that is the whole of the backpressure. */
  const takeBody = (piece: Buffer): boolean => {
    bytes += piece.length;
    onBody?.(piece);
    if (bytes >= length || bytes >= (stopAfter ?? Number.POSITIVE_INFINITY)) {
      settle();
      return bytes < (stopAfter ?? Number.POSITIVE_INFINITY);
    }
    if (rate === undefined) return true;
    const ahead = (bytes / rate) * 1000 - (performance.now() - startedAt);
    if (ahead < 5) return true;
    setTimeout(() => socket.resume(), ahead);
    return false;
  };
  const takeHead = (piece: Buffer): boolean => {
    const all = Buffer.concat([head ?? Buffer.alloc(0), piece]);
    const end = all.indexOf(HEAD_END);
    head = end < 0 ? all : undefined;
    if (end < 0) return true;
    const text = all.subarray(0, end).toString('latin1');
    status = Number(text.slice(9, 12));
    length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1]);
    if (status !== (range === undefined ? 200 : 206) || Number.isNaN(length)) {
      settle();
      return false;
    }
    return takeBody(all.subarray(end + 4));
  };

  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer: Buffer.alloc(rate === undefined ? 1024 * 1024 : 32 * 1024),
      callback: (count: number, buffer: Uint8Array) => {
        const piece = Buffer.from(buffer.buffer, buffer.byteOffset, count);
        return head === undefined ? takeBody(piece) : takeHead(piece);
      },
    },
  });
  const fields = [
    `Host: ${hostname}:${port}`,
    'Connection: close',
    ...(range === undefined ? [] : [`Range: ${range}`]),
  ];
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`);
  const done = new Promise<Reading>((resolve) => {
    settle = () => {
      resolve({ status, bytes, complete: bytes === length });
      if (stopAfter === undefined) socket.destroy();
    };
    socket.on('error', () => {}).on('close', () => settle());
  });
  return { done, bytes: () => bytes, leave: () => socket.destroy() };
}
