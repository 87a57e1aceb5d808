import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { Addresses, Dial, Handshake, Reach } from '../core/doctor/evidence';
import type { Url } from '../core/url';
import { inTime } from '../shell/deadline';
import { TransportError } from '../shell/transport-error';
import { failureOf } from './failures';

/**
 * How a host is reached: its addresses, a connection to the first of each family, and TLS over one that is made.
 * @param within milliseconds for each of them
 */
export async function reachHost(url: Url, within: number): Promise<Reach> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) === 0 ? await resolve(host, within) : undefined;
  const found = addresses?.found ?? [host];
  const chosen = [4, 6].flatMap((family) => found.find((address) => isIP(address) === family) ?? []);
  const dials = await Promise.all(chosen.map((address) => dial(address, url.port, within)));
  const made = dials.find(({ failure }) => !failure);
  const isSecret = url.scheme === 'https' && made !== undefined;
  const handshake = isSecret ? await shakeHands(made.address, url.port, host, within) : undefined;
  return { ...(addresses && { addresses }), dials, ...(handshake && { handshake }) };
}

/** As clients on this machine do: its file of hosts counts. */
async function resolve(host: string, within: number): Promise<Addresses> {
  const begun = performance.now();
  const wait = () => performance.now() - begun;
  try {
    const all = await inTime(lookup(host, { all: true }), within, 'no answer of the resolver');
    return { host, wait: wait(), found: [...new Set(all.map(({ address }) => address))] };
  } catch (error) {
    const { message } = (error as NodeJS.ErrnoException).code ? failureOf(error) : (error as Error);
    return { host, wait: wait(), found: [], why: message };
  }
}

async function dial(address: string, port: number, within: number): Promise<Dial> {
  const begun = performance.now();
  const family = isIP(address) as 4 | 6;
  const socket = connect({ host: address, port });
  try {
    await settle(socket, 'connect', within);
    return { address, family, wait: performance.now() - begun };
  } catch (error) {
    return { address, family, wait: performance.now() - begun, failure: failureOf(error) };
  } finally {
    socket.destroy();
  }
}

/** Whatever the certificate is, so that it can be told what is wrong with it; nothing is sent over such a connection. */
async function shakeHands(address: string, port: number, host: string, within: number): Promise<Handshake> {
  const begun = performance.now();
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket = connectTls({ host: address, port, rejectUnauthorized: false, ...name });
  try {
    await settle(socket, 'secureConnect', within);
    const certificate = socket.getPeerCertificate();
    return {
      wait: performance.now() - begun,
      version: socket.getProtocol() ?? undefined,
      issuer: issuerOf(certificate),
      names: namesOf(certificate),
      from: Date.parse(certificate.valid_from),
      until: Date.parse(certificate.valid_to),
      ...distrustOf(socket),
    };
  } catch (error) {
    return { wait: performance.now() - begun, names: [], failure: failureOf(error) };
  } finally {
    socket.destroy();
  }
}

function distrustOf({ authorized, authorizationError }: TLSSocket): Pick<Handshake, 'distrust'> {
  if (authorized) return {};
  // An error where the name does not fit, else OpenSSL's code, whatever the types say.
  const error: unknown = authorizationError;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? String(error ?? 'unknown');
  return { distrust: code };
}

function namesOf({ subjectaltname = '', subject }: PeerCertificate): readonly string[] {
  const names = [...subjectaltname.matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, name]) => name as string);
  return names.length > 0 ? names : [subject?.CN ?? []].flat();
}

function issuerOf({ issuer }: PeerCertificate): string {
  return [issuer?.O ?? issuer?.CN ?? []].flat().join(' ');
}

function settle(socket: Socket, event: string, within: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new TransportError('timeout', `no connection in time (${within / 1000} s)`));
    const timer = setTimeout(late, within);
    socket.once('close', () => clearTimeout(timer));
    socket.once(event, () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on('error', reject);
  });
}
