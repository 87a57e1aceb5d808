import type { HeaderList } from '../core/headers';
import type { Url } from '../core/url';
import type { Reach } from '../core/verbs';

/** Milliseconds for the head of a cloud's answer, and as many again for its body. */
export const CLOUD_TIMEOUT = 10_000;

/** The same for what stands beside the machine: elsewhere nobody answers there at all. */
export const METADATA_TIMEOUT = 2_000;

/** Bytes of an answer at most; ECR's logins have some 3 KB. */
export const MAX_CLOUD_ANSWER = 64 * 1024;

/** Milliseconds before the one repetition. */
export const CLOUD_RETRY_DELAY = 500;

export interface CloudRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: Url;
  readonly headers: HeaderList;
  readonly body?: string;
  readonly reach: Reach;
  /** Milliseconds. */
  readonly within: number;
  /** Bytes of the answer. */
  readonly limit: number;
}

export interface CloudResponse {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends one request and follows nothing; it rejects where no whole answer of at most `limit` bytes came, with an Error
 * whose message is fit for a log.
 */
export type CloudFetch = (request: CloudRequest) => Promise<CloudResponse>;

export type Asked = Pick<CloudRequest, 'method' | 'url' | 'headers' | 'body'>;

/**
 * Asks a cloud, and once more where it did not answer or says that the fault is its own.
 * @param who for the error, as the subject of a sentence
 * @param make the request, anew for each time: a signature with the same nonce is refused; what it throws is passed on
 * @param hint what to look at where nobody answers
 * @throws Error where no answer came, in words fit for a log
 */
export async function ask(
  fetch: CloudFetch,
  who: string,
  make: () => Asked | Promise<Asked>,
  hint = '',
): Promise<CloudResponse> {
  const first = await attempt(fetch, await make());
  if (typeof first !== 'string') return first;
  await new Promise((resolve) => setTimeout(resolve, CLOUD_RETRY_DELAY));
  const second = await attempt(fetch, await make());
  if (typeof second !== 'string') return second;
  throw new Error(`${who} could not be asked: ${second}${hint}`);
}

/** The answer, or why there was none that says anything. */
async function attempt(fetch: CloudFetch, asked: Asked): Promise<CloudResponse | string> {
  try {
    const response = await send(fetch, asked);
    return response.status < 500 ? response : `it answers ${response.status}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function send(fetch: CloudFetch, { method, url, headers, body }: Asked): Promise<CloudResponse> {
  const isBeside = BESIDE.test(url.hostname);
  return fetch({
    method,
    url,
    headers: [['accept', 'application/json'], ['user-agent', 'registry-proxy-serverless'], ...headers],
    body,
    reach: isBeside ? 'any' : 'public',
    within: isBeside ? METADATA_TIMEOUT : CLOUD_TIMEOUT,
    limit: MAX_CLOUD_ANSWER,
  });
}

/** Metadata services and loopback, which only an account that names it leads to; everything else must be public. */
const BESIDE =
  /^(?:metadata\.google\.internal|169\.254\.169\.254|169\.254\.170\.(?:2|23)|\[fd00:ec2::23\]|127(?:\.\d+){3}|\[::1\]|localhost)$/;

/** What a JSON answer says; empty where it is none, so that a page of a captive portal reads as an answer without a login. */
export function fieldsOf({ body }: CloudResponse): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/**
 * What a cloud says of its refusal, fit for a log: the first line, since AWS quotes the whole signed request with its
 * session token below it, and nothing of what was kept secret.
 */
export function refusal(
  who: string,
  status: number,
  code: unknown,
  message: unknown,
  secrets: readonly (string | undefined)[],
): string {
  const line = textOf(message).split(/[\r\n]/)[0];
  const said = [textOf(code), line].map((text) => withoutSecrets(text, secrets)).filter(Boolean);
  return `${who} refuses (${[String(status), ...said].join(', ')})`;
}

const MAX_QUOTED = 300;

function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  const cleaned = secrets.reduce<string>((rest, secret) => (secret ? rest.replaceAll(secret, '***') : rest), text);
  return cleaned.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_QUOTED);
}

/** A wrong clock is what most signatures that were good yesterday are refused for. */
export function clockHint(now: number): string {
  return `; the clock of this machine may be wrong, it says ${new Date(now).toISOString()}`;
}
