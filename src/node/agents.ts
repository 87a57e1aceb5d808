import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { isPublicAddress } from '../core/addresses';
import type { Reach } from '../core/verbs';

/**
 * Milliseconds of idleness after which a kept connection is not used again. Measured by the clock on the wall and not by
 * a timer: a frozen function wakes up with connections that died in its sleep.
 */
export const MAX_IDLE = 15_000;

/** For requests that cannot be sent twice, the race against a server that closes idle connections must be rare. */
export const MAX_IDLE_WITH_BODY = 2_000;

const MAX_FREE_SOCKETS = 64;

export interface Agents {
  /** The agent for this kind of connection, with those of its kept connections dropped that idled too long. */
  take(scheme: 'http' | 'https', reach: Reach, maxIdle: number): http.Agent;
  close(): void;
}

/** Keep-alive pools, apart by what they may connect to: a kept private connection never serves a public-only request. */
export function createAgents(): Agents {
  // Made at their first use: TLS takes milliseconds to load, and a cold start has none to give away.
  const pools = new Map<string, http.Agent>();
  const freedAt = new WeakMap<Socket, number>();
  const make = (scheme: 'http' | 'https', reach: Reach) => {
    const settings = options(reach === 'public' ? publicLookup : undefined);
    const agent = scheme === 'https' ? new https.Agent(settings) : new http.Agent(settings);
    return agent.on('free', (socket: Socket) => freedAt.set(socket, Date.now()));
  };
  return {
    take(scheme, reach, maxIdle) {
      const key = `${scheme} ${reach}`;
      const agent = pools.get(key) ?? make(scheme, reach);
      pools.set(key, agent);
      const oldest = Date.now() - maxIdle;
      for (const sockets of Object.values(agent.freeSockets)) {
        for (const socket of sockets ?? []) if ((freedAt.get(socket) ?? 0) < oldest) socket.destroy();
      }
      return agent;
    },
    close() {
      for (const agent of pools.values()) agent.destroy();
    },
  };
}

function options(lookup?: LookupFunction): https.AgentOptions {
  return {
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    maxFreeSockets: MAX_FREE_SOCKETS,
    scheduling: 'lifo',
    ...(lookup && { lookup }),
  };
}

/** Resolves a name and keeps the public addresses only, so that a name cannot be rebound to a private one (CWE-918). */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    const allowed = addresses.filter(({ address }) => isPublicAddress(address));
    if (allowed.length === 0) return callback(forbidden(hostname), []);
    return options.all ? callback(null, allowed) : callback(null, allowed[0].address, allowed[0].family);
  });
};

function forbidden(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} resolves to no public address`), { code: 'ERR_FORBIDDEN_ADDRESS' });
}
