import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsFiles } from '../core/config';
import { ConfigError } from '../core/config-error';
import type { Log } from '../shell/log';
import { fileFault } from './file-faults';
import { createH2, type H2 } from './h2';
import { poll } from './poll';

/** Bytes of a PEM file at most; a chain of ten certificates is some 20 KB. */
const MAX_PEM_BYTES = 256 * 1024;

/** Milliseconds for a handshake: it takes two round trips, so this only meets attackers. */
const HANDSHAKE_TIMEOUT = 10_000;

/** In the order in which they are preferred (RFC 7301). */
const PROTOCOLS = ['h2', 'http/1.1'];
const WITHOUT_HTTP2 = ['http/1.1'];

export interface SecuredServer {
  readonly server: Server;
  /** Logs what is served, and from now on serves what the files turn into. */
  watch(): void;
  /** Sessions of HTTP/2 take no new stream, and end after their last one. */
  endSessions(): void;
}

/** A certificate with its chain, and the key that was found to fit. */
interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly leaf: X509Certificate;
}

/**
 * An https server, HTTP/2 and HTTP/1.1 over TLS 1.2 or newer, with the certificate of these files.
 * @param patience milliseconds for a client to take the last bytes of an answer; 0 for no limit
 * @throws ConfigError that names the file and what is wrong with it
 */
export async function createSecuredServer(
  files: TlsFiles,
  app: RequestListener,
  patience: () => number,
  log: Log,
): Promise<SecuredServer> {
  const identity = await readIdentity(files);
  const ALPNProtocols = files.http2 ? PROTOCOLS : WITHOUT_HTTP2;
  const settings = { ...contextOf(identity), handshakeTimeout: HANDSHAKE_TIMEOUT, ALPNProtocols };
  const server = createServer(settings, app);
  // Before Node's own listener, which would make a malformed HTTP request of it.
  server.prependListener('tlsClientError', (error, socket) => refuseHandshake(error, socket, log));
  const h2 = divide(server, patience, log);
  return { server, watch: () => watch(server, files, identity, log), endSessions: () => h2.close() };
}

/** Leaves to Node's own listener the connections that speak HTTP/1.1, and those inside the process that streams become. */
function divide(server: Server, patience: () => number, log: Log): H2 {
  const [speak] = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  const serve = (socket: Duplex) => void speak.call(server, socket);
  const h2 = createH2(server, serve, patience, log);
  server.on('secureConnection', (socket) => (socket.alpnProtocol === 'h2' ? h2.accept(socket) : serve(socket)));
  return h2;
}

function watch(server: Server, files: TlsFiles, first: Identity, log: Log): void {
  let current = first;
  let refused = '';
  logIdentity('certificate', current, log);
  const reload = async () => {
    const next = await readIdentity(files).catch((error: Error) => error);
    if (!(next instanceof Error)) {
      refused = '';
      if (next.cert.equals(current.cert) && next.key.equals(current.key)) return;
      current = next;
      server.setSecureContext(contextOf(next));
      logIdentity('certificate reloaded', next, log);
    } else if (next.message !== refused) {
      refused = next.message;
      log.warn('certificate not reloaded, the one before it stays', { why: next.message });
    }
  };
  server.once('close', poll(reload));
}

function contextOf({ cert, key }: Pick<Identity, 'cert' | 'key'>): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2' };
}

function logIdentity(message: string, { leaf }: Identity, log: Log): void {
  const expires = new Date(leaf.validTo);
  const fields = {
    subject: leaf.subject?.replaceAll('\n', ', '),
    names: leaf.subjectAltName,
    expires: expires.toISOString(),
  };
  if (expires.getTime() > Date.now()) log.info(message, fields);
  else log.warn(message, { ...fields, why: 'it has expired' });
}

/** Reads and checks both files; nothing of their content gets into an error. */
async function readIdentity(files: TlsFiles): Promise<Identity> {
  const faults: string[] = [];
  const fault = (name: 'TLS_CERT' | 'TLS_KEY', what: string) => {
    faults.push(`${name}=${name === 'TLS_CERT' ? files.cert : files.key}: ${what}`);
    return undefined;
  };
  const readOne = (name: 'TLS_CERT' | 'TLS_KEY', path: string) =>
    readPem(path).catch((error: unknown) => {
      const what = fileFault(error, MAX_PEM_BYTES);
      return fault(name, what.startsWith('is larger') ? `${what}, which no PEM file of this kind is` : what);
    });
  // One after the other, so that their faults come in this order.
  const cert = await readOne('TLS_CERT', files.cert);
  const key = await readOne('TLS_KEY', files.key);
  const leaf = cert && (parseCertificate(cert) ?? fault('TLS_CERT', 'holds no certificate in PEM form'));
  const secret = key && parseKey(key, (what) => fault('TLS_KEY', what));
  if (leaf && secret && !leaf.checkPrivateKey(secret)) {
    fault('TLS_KEY', `does not fit the certificate in TLS_CERT=${files.cert}: give the key it was made with`);
  }
  if (cert && key && leaf && faults.length === 0) {
    const refusal = refusalOf({ cert, key });
    if (refusal === undefined) return { cert, key, leaf };
    fault(
      'TLS_CERT',
      `is refused by OpenSSL (${refusal}): look for a damaged part in its chain, or a key that is too short`,
    );
  }
  throw new ConfigError(faults);
}

async function readPem(path: string): Promise<Buffer> {
  // Asked before it is opened: opening a pipe waits for its writer.
  if (!(await stat(path)).isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(MAX_PEM_BYTES + 1);
    // All four: with the buffer alone, Node 20.11 reads nothing.
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > MAX_PEM_BYTES) throw Object.assign(new Error(), { code: 'EFBIG' });
    return Buffer.from(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function parseCertificate(pem: Buffer): X509Certificate | undefined {
  try {
    return pem.includes('-----BEGIN ') ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined;
  }
}

function parseKey(pem: Buffer, fault: (what: string) => undefined): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    const isLocked = /^(-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(pem.toString('latin1'));
    return fault(
      isLocked ? 'is locked by a passphrase: write it without one (openssl pkey)' : 'holds no private key in PEM form',
    );
  }
}

function refusalOf(identity: Pick<Identity, 'cert' | 'key'>): string | undefined {
  try {
    createSecureContext(contextOf(identity));
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  }
}

const HANDSHAKE_ERRORS: readonly (readonly [RegExp, string])[] = [
  [/HTTP_REQUEST$/, 'the client speaks plain http'],
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+)$/, 'the client does not accept the certificate'],
  [/(UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION)$/, 'the client knows no TLS 1.2'],
  [/HANDSHAKE_TIMEOUT$/, 'the handshake did not come in time'],
];

function refuseHandshake({ code = '' }: NodeJS.ErrnoException, socket: Socket, log: Log): void {
  // After an alert the socket has forgotten its peer, and what it was made of has not.
  const client = socket.remoteAddress ?? (socket as { _parent?: Socket })._parent?.remoteAddress;
  socket.destroy();
  // Whoever only looks whether the port is open leaves like this.
  if (code === 'ECONNRESET') return;
  const what = HANDSHAKE_ERRORS.find(([pattern]) => pattern.test(code))?.[1] ?? 'the handshake failed';
  log.warn('connection refused', { client, why: `${what} (${code})` });
}
