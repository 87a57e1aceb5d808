/** One call of a store, sink or reading that lives elsewhere. `id` names the answer; `on` names what an earlier call opened. */
export interface Call {
  readonly id: number;
  readonly on?: number;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Of what comes behind all calls. */
  readonly bytes?: number;
}

export interface Reply {
  /** Missing for what nobody asked for: a fault in the background. */
  readonly id?: number;
  readonly value?: unknown;
  readonly fault?: string;
  readonly message?: string;
}

/** A line of JSON, and bytes behind it. */
export function pack(message: unknown, ...bytes: Uint8Array[]): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify(message)}\n`);
  const whole = new Uint8Array([line, ...bytes].reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of [line, ...bytes]) {
    whole.set(each, at);
    at += each.length;
  }
  return whole;
}

export function unpack<T>(whole: Uint8Array): { message: T; bytes: Uint8Array } {
  const end = whole.indexOf(10);
  return { message: JSON.parse(new TextDecoder().decode(whole.subarray(0, end))), bytes: whole.subarray(end + 1) };
}
