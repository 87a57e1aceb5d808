import dns from 'node:dns';
import net from 'node:net';
import tls from 'node:tls';

export interface Pretended {
  /** What the public DNS would say. */
  address: string;
  /** The port on loopback where the imitated host really listens, whatever port was asked for. */
  port: number;
}

type LookupCallback = (error: Error | null, address?: unknown, family?: number) => void;
type Lookup = (hostname: string, options: { all?: boolean }, callback: LookupCallback) => void;

let pretending = 0;

/** Whether names are pretended in this process at the moment. */
export function isPretending(): boolean {
  return pretending > 0;
}

/**
 * Lets hosts of the imitated world go by their real names within this process: names resolve to the address given here,
 * connections to them end on loopback, and certificates of the authority given here are valid. What the product checks
 * when it connects (its own `lookup`) therefore sees the address that is pretended. Returns the way back.
 */
export function pretendNames(names: Record<string, Pretended>, authority?: string): () => void {
  const real = { lookup: dns.lookup, socketConnect: net.Socket.prototype.connect, tlsConnect: tls.connect };

  function lookup(hostname: string, ...rest: unknown[]) {
    const host = names[hostname];
    if (host === undefined) return Reflect.apply(real.lookup, dns, [hostname, ...rest]);
    const callback = rest.pop() as LookupCallback;
    const all = typeof rest[0] === 'object' && (rest[0] as { all?: boolean } | null)?.all;
    process.nextTick(() => (all ? callback(null, [{ ...host, family: 4 }]) : callback(null, host.address, 4)));
  }

  function connect(this: net.Socket, ...args: unknown[]): net.Socket {
    // net.connect hands the normalized form [options, callback] down.
    const options = (Array.isArray(args[0]) ? args[0][0] : args[0]) as {
      host?: string;
      port?: number;
      lookup?: Lookup;
    };
    const host = typeof options === 'object' && options !== null ? names[options.host ?? ''] : undefined;
    if (host) {
      const checked = options.lookup ?? (lookup as unknown as Lookup);
      options.port = host.port;
      options.lookup = (hostname, lookupOptions, callback) =>
        checked(hostname, lookupOptions, (error) => {
          if (error) return callback(error);
          const loopback = { address: '127.0.0.1', family: 4 };
          return lookupOptions.all ? callback(null, [loopback]) : callback(null, loopback.address, loopback.family);
        });
    }
    return Reflect.apply(real.socketConnect, this, args);
  }

  function tlsConnect(options: tls.ConnectionOptions, ...rest: unknown[]): tls.TLSSocket {
    return Reflect.apply(real.tlsConnect, tls, [authority ? { ...options, ca: authority } : options, ...rest]);
  }

  pretending += 1;
  dns.lookup = lookup as unknown as typeof dns.lookup;
  net.Socket.prototype.connect = connect as typeof real.socketConnect;
  tls.connect = tlsConnect as typeof tls.connect;
  return () => {
    pretending -= 1;
    dns.lookup = real.lookup;
    net.Socket.prototype.connect = real.socketConnect;
    tls.connect = real.tlsConnect;
  };
}
