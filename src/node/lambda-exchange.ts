import http, { type IncomingMessage, type RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { answerError, RegistryError } from '../core/errors';
import type { HeaderList } from '../core/headers';
import {
  documentOf,
  fitForUrl,
  MAX_DOCUMENT_BODY,
  needsFiller,
  preludeOf,
  withoutEmptyLength,
} from '../core/lambda-answer';
import { type LambdaRequest, readLambdaEvent } from '../core/lambda-event';
import type { Log } from '../shell/log';
import { outgoingHeaders, responseHead } from './heads';
import { openInside } from './inside';
import type { Invocation, RuntimeApi } from './lambda-api';
import { pour, settle } from './lambda-stream';
import { refuseHead } from './refusals';

/** Milliseconds before the platform ends the function, whatever it does: enough to say that a body breaks off. */
const LAST_WORDS = 1000;

/** What an invocation is answered with. */
interface Reply {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Readable;
}

export interface Lambda {
  readonly api: RuntimeApi;
  /** The proxy, for requests from inside this process. */
  readonly serve: RequestListener;
  readonly log: Log;
}

/**
 * Serves one invocation by a request to this process's own proxy. Whatever happens to it, the next one can come.
 * @param stopping cuts it
 */
export async function serveInvocation(
  { api, serve, log }: Lambda,
  { id, event, deadline }: Invocation,
  stopping: AbortSignal,
): Promise<void> {
  const request = readLambdaEvent(event);
  if (!request) {
    log.warn('no request', { id, why: 'the event is none of a function URL, an API Gateway or a load balancer' });
    const message = 'the event is no HTTP request; call the function by its URL';
    return api.fail(id, { type: 'Proxy.UnknownEvent', message }).catch(() => {});
  }
  const late = new AbortController();
  const left = Math.min(Math.max(0, deadline - Date.now() - LAST_WORDS), 2 ** 31 - 1);
  const timer = setTimeout(() => late.abort(new Error('the time of the function is over: raise its timeout')), left);
  const cut = AbortSignal.any([late.signal, stopping]);
  try {
    const reply = await ask(request, serve, log, cut).catch((error: Error) =>
      refuse(cut.aborted ? cut.reason : error, cut),
    );
    const why =
      request.front === 'stream'
        ? await pour(api, id, reply, preludeFor(request, reply), cut)
        : await hand(api, id, reply, cut);
    if (why !== undefined) log.warn('answer broken off', { id, status: reply.status, why });
  } catch (error) {
    log.error('invocation failed', { id, why: (error as Error).stack });
  } finally {
    clearTimeout(timer);
  }
}

function ask(request: LambdaRequest, serve: RequestListener, log: Log, signal: AbortSignal): Promise<Reply> {
  const { method, target, headers, body, address, isSecure } = request;
  const bytes = Buffer.from(body?.text ?? '', body?.isBase64 ? 'base64' : 'utf8');
  const length = bytes.length > 0 ? [['content-length', String(bytes.length)] as const] : [];
  return new Promise((resolve, reject) => {
    const sent = http.request({
      method,
      path: target,
      headers: outgoingHeaders([...headers, ...length]),
      createConnection: openInside(serve, { remoteAddress: address, encrypted: isSecure }, (error, socket) =>
        refuseHead(error, socket, log),
      ),
      signal,
    });
    sent.on('error', reject).once('response', (response: IncomingMessage) => {
      // How it ends is seen by whoever reads it; unheard, an error would end the process.
      response.on('error', () => {});
      resolve({ ...responseHead(response), body: response });
    });
    sent.end(bytes);
  });
}

/** An answer for what never became a request of this process, or had no answer when the time was over. */
function refuse(error: NodeJS.ErrnoException, { aborted }: AbortSignal): Reply {
  const isMalformed = /^ERR_(INVALID|UNESCAPED|HTTP_INVALID)/.test(error.code ?? '');
  const [status, message] = aborted
    ? [504, 'no answer within the time of the function']
    : isMalformed
      ? [400, 'malformed HTTP request']
      : [502, 'the proxy gave no answer'];
  return replyWith(new RegistryError(status, status === 400 ? 'UNSUPPORTED' : 'UNAVAILABLE', message));
}

function replyWith(error: RegistryError): Reply {
  const { status, headers, body } = answerError(error);
  return { status, headers, body: Readable.from([Buffer.from(body ?? '')]) };
}

/** What goes before the body of a streamed answer, and what stands in where there is none. */
function preludeFor(request: LambdaRequest, { status, headers }: Reply) {
  const isFilled = needsFiller(request.method, status);
  const fields = fitForUrl(request, headers);
  return {
    head: preludeOf(status, isFilled ? withoutEmptyLength(request, fields) : fields),
    filler: isFilled ? '\n' : '',
  };
}

/** @returns why the platform did not take it */
async function hand(
  api: RuntimeApi,
  id: string,
  { status, headers, body }: Reply,
  cut: AbortSignal,
): Promise<string | undefined> {
  const read = await readWhole(body).catch(() => undefined);
  if (read === undefined) {
    await api.fail(id, { type: 'Proxy.BrokenOff', message: 'the body broke off' });
    return 'the body broke off';
  }
  if (read === 'larger') {
    const hint = 'set MAX_RESPONSE=4400k, after which blobs go another way, or call the function by its URL';
    const message = `the body is larger than API Gateway carries (${MAX_DOCUMENT_BODY} bytes)`;
    const refusal = answerError(new RegistryError(502, 'UNAVAILABLE', message, { hint }));
    await settle(api.document(id, documentOf(refusal.status, refusal.headers, btoa(refusal.body ?? ''))), cut);
    return message;
  }
  const taken = await settle(api.document(id, documentOf(status, headers, read.toString('base64'))), cut);
  return taken === 202 ? undefined : `the platform says ${taken ?? 'nothing'}`;
}

async function readWhole(body: Readable): Promise<Buffer | 'larger'> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_DOCUMENT_BODY) return 'larger';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
