export interface ListenAddress {
  /** Absent where only a port is named: every address then. */
  readonly host?: string;
  readonly port: string;
}

/** Splits what Go programs listen on: `:5000`, `0.0.0.0:5000`, `[::]:5000`; undefined for anything else. */
export function splitListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s/:[\]]*)):(\d+)$/i.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? match[2];
  return { ...(host && { host }), port: match[3] };
}
