import type { IncomingMessage } from 'node:http';

/** Told how many bytes of a body have just been read. */
export type Receiver = (bytes: number) => void;

const receivers = new WeakMap<IncomingMessage, Receiver>();

/**
 * What is read of a body from now on is told to this one as well. Whoever reads it says so: a listener of its own would begin
 * to read, and another `push` makes Node's own code slow.
 */
export function tellReceived(body: IncomingMessage, receiver: Receiver): IncomingMessage {
  const before = receivers.get(body);
  const both = (bytes: number) => {
    before?.(bytes);
    receiver(bytes);
  };
  receivers.set(body, before ? both : receiver);
  return body;
}

/** Whom the reader of a body tells what it has read; undefined where nobody wants to know. */
export function receiverOf(body: IncomingMessage): Receiver | undefined {
  return receivers.get(body);
}
