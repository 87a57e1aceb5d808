import { Duplex } from 'node:stream';

/** Bytes that wait between the two ends, each way, before the writer is held. */
const ROOM = 64 * 1024;

/** What a connection inside this process tells of the one outside that it stands for. */
export interface Addresses {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly remoteFamily?: string;
  readonly localAddress?: string;
  readonly localPort?: number;
  /** It came by TLS. */
  readonly encrypted: boolean;
  /** The proxy asks by itself, for no client. */
  readonly isOwn?: boolean;
}

/**
 * The two ends of a connection inside this process: what is written into one is read from the other, at the reader's
 * pace. As with sockets, an end that is destroyed before both sides have said all breaks the other one off.
 * @returns `near` for a client of HTTP/1.1, whose own end is told to the server with the server's: it would take an
 *   earlier one for the client's leaving
 * @param addresses what `far`, for the server, says of itself
 */
export function duplexPair(addresses: Addresses): { near: Duplex; far: Duplex } {
  const [near, far] = [new End(true), new End(false)];
  near.join(far);
  far.join(near);
  return { near, far: Object.assign(far, addresses) };
}

class End extends Duplex {
  #peer: End = this;
  /** Tells the other end that all it wrote has been taken, and that it may write on. */
  #taken: (() => void) | undefined;

  readonly #endsLast: boolean;

  constructor(endsLast: boolean) {
    super({ highWaterMark: ROOM });
    this.#endsLast = endsLast;
  }

  join(peer: End): void {
    this.#peer = peer;
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, taken: () => void): void {
    this.#peer.#take([chunk], taken);
  }

  override _writev(chunks: { chunk: Buffer }[], taken: () => void): void {
    const all = chunks.map(({ chunk }) => chunk);
    this.#peer.#take(all, taken);
  }

  override _final(callback: () => void): void {
    const peer = this.#peer;
    if (this.#endsLast && !peer.writableFinished) peer.once('finish', () => peer.push(null));
    else peer.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.writableFinished || !this.readableEnded) this.#peer.destroy();
    callback(error);
  }

  #take(chunks: readonly Buffer[], taken: () => void): void {
    if (this.destroyed) return;
    this.#taken = taken;
    let hasRoom = true;
    for (const chunk of chunks) if (chunk.length > 0) hasRoom = this.push(chunk);
    if (hasRoom) this._read();
  }
}
