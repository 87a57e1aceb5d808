import dns from 'node:dns';
import net from 'node:net';

type LookupCallback = (error: Error | null, address?: unknown, family?: number) => void;

/**
 * Gives names an address as the public DNS would, while the connection itself ends on loopback. What the product
 * checks when it connects (its own `lookup`) therefore sees the address given here. Returns the way back.
 */
export function pretendNames(names: Record<string, string>): () => void {
  const realLookup = dns.lookup;
  const realConnect = net.Socket.prototype.connect;

  function lookup(hostname: string, ...rest: unknown[]) {
    const address = names[hostname];
    if (address === undefined) return Reflect.apply(realLookup, dns, [hostname, ...rest]);
    const callback = rest.pop() as LookupCallback;
    const all = typeof rest[0] === 'object' && (rest[0] as { all?: boolean } | null)?.all;
    process.nextTick(() => (all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4)));
  }

  function connect(this: net.Socket, ...args: unknown[]): net.Socket {
    // net.connect hands the normalized form [options, callback] down.
    const options = (Array.isArray(args[0]) ? args[0][0] : args[0]) as net.TcpNetConnectOpts & { lookup?: unknown };
    if (options && typeof options === 'object' && typeof options.host === 'string' && options.host in names) {
      const checked = (options.lookup ?? lookup) as (...lookupArgs: unknown[]) => void;
      options.lookup = ((hostname: string, lookupOptions: { all?: boolean }, callback: LookupCallback) => {
        checked(hostname, lookupOptions, (error: Error | null) => {
          if (error) return callback(error);
          return lookupOptions.all
            ? callback(null, [{ address: '127.0.0.1', family: 4 }])
            : callback(null, '127.0.0.1', 4);
        });
      }) as typeof options.lookup;
    }
    return Reflect.apply(realConnect, this, args);
  }

  dns.lookup = lookup as unknown as typeof dns.lookup;
  net.Socket.prototype.connect = connect as typeof realConnect;
  return () => {
    dns.lookup = realLookup;
    net.Socket.prototype.connect = realConnect;
  };
}
