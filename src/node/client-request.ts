import http, { type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { HeaderList } from '../core/headers';
import type { Url } from '../core/url';
import { TransportError } from '../shell/transport-error';
import { outgoingHeaders } from './heads';

export interface ClientRequestOptions {
  readonly method: string;
  readonly url: Url;
  readonly headers: HeaderList;
  readonly signal: AbortSignal;
  /** Makes a connection, where that is no matter of the URL. */
  readonly connect?: () => Duplex;
  /** `false`: a connection of its own. */
  readonly agent?: Agent | false;
  /** Milliseconds to the head of the answer, counted from the end of the request's body. */
  readonly within: number;
  /** Milliseconds to a connection, its TLS included. */
  readonly connectWithin?: number;
  /** Sends the body, and ends the request. */
  readonly send?: (request: ClientRequest) => Promise<void>;
}

/**
 * Sends a request as a client of a proxy does. On a connection that was kept, and that the other side was just closing, it
 * is sent once more on a new one, as clients do (RFC 9112 section 9.3.1).
 * @returns the head of the answer; whoever asks reads the body, or destroys it
 * @throws TransportError `timeout`, or a node:http error; no answer came then
 */
export async function sendRequest(options: ClientRequestOptions): Promise<IncomingMessage> {
  try {
    return await sendOnce(options);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return sendOnce({ ...options, agent: false });
  }
}

class StaleConnection extends Error {}

function sendOnce(options: ClientRequestOptions): Promise<IncomingMessage> {
  const { method, url, headers, signal, connect, agent, within, connectWithin, send } = options;
  const { request } = url.scheme === 'https' ? https : http;
  return new Promise((resolve, reject) => {
    const sent = request({
      method,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: url.path + url.query,
      headers: outgoingHeaders(headers),
      signal,
      ...(connect ? { createConnection: connect } : { agent }),
    });
    let timer: NodeJS.Timeout | undefined;
    const limit = (what: string, time: number) => {
      clearTimeout(timer);
      const late = () => sent.destroy(new TransportError('timeout', `no ${what} in time (${time / 1000} s)`));
      timer = setTimeout(late, time);
    };
    const await_ = () => limit('answer', within);
    if (connectWithin !== undefined && !connect) {
      limit('connection', connectWithin);
      sent.once('socket', (socket) => {
        if (!socket.connecting) await_();
        else socket.once(url.scheme === 'https' ? 'secureConnect' : 'connect', await_);
      });
    } else await_();
    const fail = (error: NodeJS.ErrnoException) => {
      const isStale = sent.reusedSocket && error.code === 'ECONNRESET' && /^(GET|HEAD)$/.test(method);
      reject(isStale ? new StaleConnection() : error);
    };
    sent.on('error', fail).once('close', () => {
      clearTimeout(timer);
      // Node ends a request without a word whose answer is another protocol (101), or CONNECT's.
      reject(new TransportError('reset', 'no answer of HTTP came'));
    });
    sent.once('response', (response) => {
      clearTimeout(timer);
      // Whoever reads it sees how it ends; unheard, an error would end the process.
      response.on('error', () => {});
      resolve(response);
    });
    if (send) send(sent).then(await_, reject);
    else sent.end();
  });
}
