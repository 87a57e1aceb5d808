import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { discard } from './discard';
import { readSmallBody } from './small-body';

/** One call of the function. */
export interface Invocation {
  readonly id: string;
  readonly event: unknown;
  /** Milliseconds since 1970 at which the platform ends the function. */
  readonly deadline: number;
}

/** What the platform is told of a failure. */
export interface LambdaFault {
  /** `Category.Reason`, as the platform's own are called. */
  readonly type: string;
  readonly message: string;
}

/** The answer to an invocation, on its way. */
export interface Posting {
  readonly request: ClientRequest;
  /** The platform's status for the whole of it; undefined where it breaks off. Never fails. */
  readonly taken: Promise<number | undefined>;
}

/** Bytes of an event: the platform lets 6 MB through, and escapes what is in them. */
const MAX_EVENT_BYTES = 32 * 1024 * 1024;

/** Milliseconds for an event, once its head is there, and for what the platform says to a fault. */
const API_TIMEOUT = 10_000;

const ERROR_TYPE = 'Lambda-Runtime-Function-Error-Type';
const ERROR_BODY = 'Lambda-Runtime-Function-Error-Body';

/** The Runtime API of AWS Lambda, version 2018-06-01: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export class RuntimeApi {
  readonly #host: string;
  readonly #port: string;
  readonly #agent = new http.Agent({ keepAlive: true });

  /** @param place host and port, as AWS_LAMBDA_RUNTIME_API has them */
  constructor(place: string) {
    const colon = place.lastIndexOf(':');
    [this.#host, this.#port] = colon < 0 ? [place, '80'] : [place.slice(0, colon), place.slice(colon + 1)];
  }

  /**
   * Waits for an invocation for as long as it takes: between two of them the process stands still.
   * @throws Error where the platform is gone, or says what cannot be understood; what the signal is aborted with
   */
  async next(signal: AbortSignal): Promise<Invocation> {
    const response = await this.#send('GET', 'invocation/next', {}, '', signal);
    const { chunks } = await readSmallBody(response, MAX_EVENT_BYTES, API_TIMEOUT);
    const { statusCode, headers } = response;
    const id = String(headers['lambda-runtime-aws-request-id'] ?? '');
    if (statusCode !== 200 || id === '') throw new Error(`the Runtime API answers ${statusCode} to invocation/next`);
    const deadline = Number(headers['lambda-runtime-deadline-ms']) || Number.POSITIVE_INFINITY;
    return { id, event: parse(Buffer.concat(chunks).toString()), deadline };
  }

  /** Begins an answer whose body follows: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming */
  stream(id: string): Posting {
    return this.#post(id, {
      'Content-Type': 'application/vnd.awslambda.http-integration-response',
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      'Transfer-Encoding': 'chunked',
      Trailer: [ERROR_TYPE, ERROR_BODY],
    });
  }

  /** An answer that is one document. */
  document(id: string, document: object): Posting {
    const text = JSON.stringify(document);
    const posting = this.#post(id, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
    posting.request.end(text);
    return posting;
  }

  /** Says of a streamed answer that it ends before it is whole. */
  breakOff({ request }: Posting, fault: LambdaFault): void {
    request.addTrailers([
      [ERROR_TYPE, fault.type],
      [ERROR_BODY, Buffer.from(printFault(fault)).toString('base64')],
    ]);
    request.end();
  }

  /** @throws Error where the platform does not hear it */
  async fail(id: string, fault: LambdaFault): Promise<void> {
    await this.#report(`invocation/${id}/error`, fault);
  }

  /** @throws Error where the platform does not hear it */
  async failStart(fault: LambdaFault): Promise<void> {
    await this.#report('init/error', fault);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #report(path: string, fault: LambdaFault): Promise<void> {
    const headers = { 'Content-Type': 'application/vnd.aws.lambda.error+json', [ERROR_TYPE]: fault.type };
    discard(await this.#send('POST', path, headers, printFault(fault), AbortSignal.timeout(API_TIMEOUT)));
  }

  #post(id: string, headers: http.OutgoingHttpHeaders): Posting {
    const request = http.request(this.#options('POST', `invocation/${id}/response`, headers));
    const taken = new Promise<number | undefined>((resolve) => {
      request.once('response', (response) => {
        discard(response);
        resolve(response.statusCode);
      });
      request.once('close', () => resolve(undefined));
    });
    // Seen as a posting that nobody takes; unheard, it would end the process.
    request.on('error', () => {});
    return { request, taken };
  }

  #send(
    method: string,
    path: string,
    headers: http.OutgoingHttpHeaders,
    body: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = http.request({ ...this.#options(method, path, headers), signal });
      request.once('response', resolve).once('error', reject).end(body);
    });
  }

  #options(method: string, path: string, headers: http.OutgoingHttpHeaders): http.RequestOptions {
    const fields = { 'User-Agent': 'registry-proxy', ...headers };
    return {
      method,
      host: this.#host,
      port: this.#port,
      path: `/2018-06-01/runtime/${path}`,
      headers: fields,
      agent: this.#agent,
    };
  }
}

function printFault({ type, message }: LambdaFault): string {
  return JSON.stringify({ errorType: type, errorMessage: message, stackTrace: [] });
}

/** What is no JSON is no request either, and is answered as such. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
