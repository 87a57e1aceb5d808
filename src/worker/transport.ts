import type { Timeouts } from '../core/config';
import { hrefOf } from '../core/url';
import type { Forward } from '../core/verbs';
import { TransportError } from '../shell/transport-error';
import { headerList, headersOf } from './heads';
import type { Incoming } from './incoming';
import type { BodyInit } from './platform';
import { type Upload, uploadOf } from './upload';

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
      signal: leaving.signal,
    });
    return { head: { status: response.status, headers: headerList(response.headers) }, body: response.body, abort };
  } catch (error) {
    throw why ?? error;
  } finally {
    clearTimeout(timer);
    upload?.end();
  }
}

function bodyOf({ body }: Forward, upload: Upload | undefined): BodyInit | undefined {
  if (body === 'client') return upload?.body;
  return body === 'none' ? undefined : body;
}
