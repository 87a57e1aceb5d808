import type { Timeouts } from '../core/config';
import { hrefOf } from '../core/url';
import type { Failure, Forward } from '../core/verbs';
import { TransportError } from '../shell/transport-error';
import { headerList, headersOf } from './heads';
import type { Incoming } from './incoming';
import type { BodyInit } from './platform';
import { type Upload, uploadOf } from './upload';

/** What Cloudflare answers in place of an upstream that could not be asked (Cloudflare's "5xx errors"). */
const EDGE_FAILURES: Readonly<Record<number, Failure>> = {
  521: { kind: 'refused', message: 'connection refused (521)' },
  522: { kind: 'timeout', message: 'no connection in time (522)' },
  523: { kind: 'refused', message: 'no way to the host (523)' },
  524: { kind: 'timeout', message: 'no response in time (524)' },
  525: { kind: 'tls', message: 'TLS does not come about (525)' },
  526: { kind: 'tls', message: 'certificate not accepted (526)' },
  530: { kind: 'dns', message: 'host name not found (530)' },
};

export interface Sending {
  readonly forward: Forward;
  /** Where no deadline stands in the forward itself. */
  readonly timeouts: Timeouts;
  /** Whose body goes with it, where the forward says so. */
  readonly client?: Request;
}

/**
 * Sends a request to an upstream. Connecting cannot be told from waiting here: both have their time together.
 * @throws TransportError, or what `failureOf` understands; no response came then
 */
export async function send({ forward, timeouts: defaults, client }: Sending): Promise<Incoming> {
  const timeouts = forward.connection?.timeouts ?? defaults;
  const within = forward.within ?? timeouts.response;
  const leaving = new AbortController();
  let why: Error | undefined;
  const abort = (reason: Error) => {
    why ??= reason;
    leaving.abort(reason);
  };
  client?.signal?.addEventListener('abort', () => abort(new TransportError('reset', 'the client left')), {
    once: true,
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const await_ = () => {
    timer = setTimeout(() => abort(new TransportError('timeout', `no response in time (${within / 1000} s)`)), within);
  };
  const upload = forward.body === 'client' && client ? uploadOf(client, timeouts, abort) : undefined;
  if (upload) upload.sent.then(await_, () => {});
  else await_();
  try {
    const response = await fetch(hrefOf(forward.url), {
      method: forward.method,
      headers: headersOf(forward.headers),
      body: bodyOf(forward, upload),
      redirect: 'manual',
      // Cloudflare keeps what looks like a file for hours by itself, such as a tag `v1.zip` (Cloudflare, "Default Cache Behavior").
      ...(forward.purpose !== 'hop' && { cache: 'no-store' }),
      signal: leaving.signal,
    });
    const fault = faultOf(response);
    if (fault) {
      abort(new Error('nobody wants the body'));
      throw fault;
    }
    return { head: { status: response.status, headers: headerList(response.headers) }, body: response.body, abort };
  } catch (error) {
    throw error instanceof TransportError ? error : (why ?? error);
  } finally {
    clearTimeout(timer);
    upload?.end();
  }
}

/** What makes a response none. */
function faultOf({ status, headers }: Response): TransportError | undefined {
  const length = headers.get('content-length');
  // workerd hands on whatever stands there in an answer to HEAD, and clients break the connection over it.
  if (length !== null && !/^\d{1,15}$/.test(length))
    return new TransportError('unknown', 'the answer has a length that is none');
  const instead = headers.get('server') === 'cloudflare' ? EDGE_FAILURES[status] : undefined;
  return instead && new TransportError(instead.kind, instead.message);
}

function bodyOf({ body }: Forward, upload: Upload | undefined): BodyInit | undefined {
  if (body === 'client') return upload?.body;
  return body === 'none' ? undefined : body;
}
