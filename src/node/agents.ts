import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import tls from 'node:tls';
import { isPublicAddress } from '../core/addresses';
import type { Forward, Reach } from '../core/verbs';

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
  take(forward: Pick<Forward, 'url' | 'reach' | 'connection'>, maxIdle: number): http.Agent;
  close(): void;
}

/** Keep-alive pools, apart by what they may connect to and whom they trust: a kept private connection never serves a public-only request. */
export function createAgents(): Agents {
  // Made at their first use: TLS takes milliseconds to load, and a cold start has none to give away.
  const pools = new Map<string, http.Agent>();
  const freedAt = new WeakMap<Socket, number>();
  const make = (scheme: 'http' | 'https', reach: Reach, ca: string | undefined) => {
    const settings = options(reach === 'public' ? publicLookup : undefined, ca);
    const agent = scheme === 'https' ? new https.Agent(settings) : new http.Agent(settings);
    return agent.on('free', (socket: Socket) => freedAt.set(socket, Date.now()));
  };
  return {
    take({ url: { scheme }, reach, connection }, maxIdle) {
      const ca = scheme === 'https' ? connection?.ca : undefined;
      const key = `${scheme} ${reach} ${ca ?? ''}`;
      const agent = pools.get(key) ?? make(scheme, reach, ca);
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

function options(lookup: LookupFunction | undefined, ca: string | undefined): https.AgentOptions {
  return {
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    maxFreeSockets: MAX_FREE_SOCKETS,
    scheduling: 'lifo',
    ...(lookup && { lookup }),
    // What is given replaces the usual ones, which redirects to public storage still need.
    ...(ca && { ca: [...tls.rootCertificates, ca] }),
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
