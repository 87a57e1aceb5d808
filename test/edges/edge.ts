import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** What a platform answers in place of the function. */
export interface Refusal {
  status: number;
  code: string;
  message: string;
}

/** Bytes at most, and what is answered beyond them. */
export interface Limit extends Refusal {
  bytes: number;
}

/** What stands between clients and the instances of a function or service, by its maker's documents. */
export interface Edge {
  /** The name that clients call it by; without one they may call it as they like. */
  host?: string;
  /** Milliseconds until a request is given up. */
  deadline: number;
  /** Methods that are asked again where the function lost the first one; at most twice. */
  repeats: readonly string[];
  /** The function hears that a client has left. Otherwise it works on to the end, unheard. */
  tellsOfLeaving: boolean;
  request: {
    headers?: Limit;
    /** Path and query. */
    target?: Limit;
    body: Limit;
    /** Those of a caller that never reach the function. */
    drops(name: string): boolean;
    adds(incoming: IncomingMessage): OutgoingHttpHeaders;
  };
  response: {
    headers?: Limit;
    /** Sent on as it comes. What is not is taken whole first. */
    streams(answer: IncomingMessage): boolean;
    /** Of what is taken whole. */
    body?: Limit;
    /** Those of the function that never reach a client. */
    drops(name: string): boolean;
    adds(): OutgoingHttpHeaders;
    /** The length of an answer to HEAD. */
    headLength(answer: IncomingMessage): string | number | undefined;
  };
  /** How it words what it answers itself. */
  refuse(refusal: Refusal): { headers: OutgoingHttpHeaders; body: string };
}

/** One answer of the function, as it came out of it. */
export interface Answered {
  method: string;
  path: string;
  status: number;
  headers: IncomingHttpHeaders;
  streamed: boolean;
}

/** Bytes of the names and values of all fields, as they stand on the wire. */
export const sizeOf = (rawHeaders: string[]): number =>
  rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

export const tooLong = (limit: Limit | undefined, bytes: number): limit is Limit =>
  limit !== undefined && bytes > limit.bytes;

/** A list of names, and a prefix. */
export const named =
  (names: readonly string[], prefix?: string) =>
  (name: string): boolean =>
    names.includes(name) || (prefix !== undefined && name.startsWith(prefix));
