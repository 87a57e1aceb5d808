import { type HeaderList, headerOf, headersOf, withoutHeaders } from './headers';
import type { LambdaRequest } from './lambda-event';

/** How an answer begins that is streamed through a function URL. */
export interface LambdaPrelude {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
}

/** An answer as one document: for HTTP APIs, REST APIs and load balancers. */
export interface LambdaDocument extends LambdaPrelude {
  readonly multiValueHeaders: Readonly<Record<string, readonly string[]>>;
  readonly isBase64Encoded: true;
  readonly body: string;
}

/**
 * Bytes of a body that fit into a document: 6 MB are let through (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html),
 * base64 takes a third more, and the headers are left 100 KB.
 */
export const MAX_DOCUMENT_BODY = Math.floor(((6 * 1024 * 1024 - 100_000) / 4) * 3);

/** Of the connection inside this process. */
const DROPPED = new Set(['connection', 'keep-alive', 'trailer', 'transfer-encoding']);

/**
 * A prelude has one value for each field: several lines become a list (RFC 9110 section 5.3), but for `Set-Cookie`, of
 * which the prelude has a list. In `WWW-Authenticate` a Bearer comes first: docker takes the first challenge of a line.
 */
export function preludeOf(status: number, headers: HeaderList): LambdaPrelude {
  const names = new Set(headers.map(([name]) => name).filter((name) => name !== 'set-cookie' && !DROPPED.has(name)));
  return {
    statusCode: status,
    headers: Object.fromEntries([...names].map((name) => [name, valuesOf(headers, name).join(', ')])),
    cookies: headersOf(headers, 'set-cookie'),
  };
}

/**
 * What is left out for docker's engine, which a function URL tells no length: it gives up where it is told the digest of a
 * manifest without that. Where it is told neither it asks again with GET, and measures by itself (seen with docker 20.10;
 * `Tags().Get` of distribution's client).
 */
export function fitForUrl({ target, headers: asked }: LambdaRequest, headers: HeaderList): HeaderList {
  const isEngine = /^docker\//i.test(headerOf(asked, 'user-agent') ?? '');
  return isEngine && target.includes('/manifests/') ? withoutHeaders(headers, 'docker-content-digest') : headers;
}

/** @param body in base64 */
export function documentOf(status: number, headers: HeaderList, body: string): LambdaDocument {
  const prelude = preludeOf(status, headers);
  const names = [...Object.keys(prelude.headers), ...(prelude.cookies.length > 0 ? ['set-cookie'] : [])];
  return {
    ...prelude,
    multiValueHeaders: Object.fromEntries(names.map((name) => [name, valuesOf(headers, name)])),
    isBase64Encoded: true,
    body,
  };
}

/**
 * A function URL has been seen to hold an answer open whose stream has no byte of body, HEAD's and redirects' among them
 * (https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/95). Where nobody reads the body there is a
 * line break in it; what a GET brings is never touched.
 */
export function needsFiller(method: string, status: number): boolean {
  return method !== 'GET' || status < 200 || status >= 300;
}

/** Where a filler stands in for no byte, a length of none would be wrong; HEAD's is that of what GET brings. */
export function withoutEmptyLength({ method }: Pick<LambdaRequest, 'method'>, headers: HeaderList): HeaderList {
  return method !== 'HEAD' && headerOf(headers, 'content-length') === '0'
    ? withoutHeaders(headers, 'content-length')
    : headers;
}

function valuesOf(headers: HeaderList, name: string): string[] {
  const values = headersOf(headers, name);
  const isBearer = (value: string) => Number(/^bearer\b/i.test(value));
  return name === 'www-authenticate' ? values.sort((one, other) => isBearer(other) - isBearer(one)) : values;
}
