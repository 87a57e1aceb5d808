import { type HeaderList, headerOf } from './headers';

/** Whether what stands in front takes the body of an answer as it comes, or the whole answer as one JSON document. */
export type LambdaFront = 'stream' | 'document';

/** A request of HTTP, as an event of AWS Lambda tells it. */
export interface LambdaRequest {
  readonly front: LambdaFront;
  readonly method: string;
  /** Path and query, fit for a request line. */
  readonly target: string;
  /** Without those of the connection, which end at the front. */
  readonly headers: HeaderList;
  readonly body?: { readonly text: string; readonly isBase64: boolean };
  /** The client's, as the front saw it; empty where it does not say. */
  readonly address: string;
  /** It came to the front by TLS. */
  readonly isSecure: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** What may not stand in a request line: blanks, control characters, what is not ASCII, `#`; in a path `?` neither. */
const UNFIT_QUERY = /[^\x21\x22\x24-\x7e]/gu;
const UNFIT_PATH = /[^\x21\x22\x24-\x3e\x40-\x7e]/gu;

/** Of the connection between client and front; and cookies, which no registry has to do with. */
const DROPPED = new Set([
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Reads an event of a function URL or an HTTP API (payload format 2.0), a REST API (1.0) or a load balancer. Only a
 * function URL is taken to stream: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 * @returns undefined for what is no request of HTTP: a test event of the console, a timer's
 */
export function readLambdaEvent(event: unknown): LambdaRequest | undefined {
  const fields = fieldsOf(event);
  const context = fieldsOf(fields.requestContext);
  const http = fieldsOf(context.http);
  const method = textOf(http.method) ?? textOf(fields.httpMethod);
  const path = textOf(fields.rawPath) ?? textOf(fields.path);
  if (method === undefined || path === undefined || !/^[A-Z]+$/.test(method)) return undefined;
  const given = headersOfEvent(fields);
  const isBalancer = 'elb' in context;

  const host = textOf(context.domainName) ?? headerOf(given, 'host');
  const body = textOf(fields.body);
  return {
    front: /\.lambda-url\.[^.]+\.on\.aws$/.test(host ?? '') ? 'stream' : 'document',
    method,
    target: writable(path.startsWith('/') ? path : `/${path}`, UNFIT_PATH) + queryOf(fields, isBalancer),
    headers: [
      ...(host === undefined ? [] : [['host', host] as const]),
      ...given.filter(([name]) => !DROPPED.has(name)),
    ],
    body: body ? { text: body, isBase64: fields.isBase64Encoded === true } : undefined,
    address:
      textOf(http.sourceIp) ??
      textOf(fieldsOf(context.identity).sourceIp) ??
      lastOf(headerOf(given, 'x-forwarded-for')),
    isSecure: !isBalancer || headerOf(given, 'x-forwarded-proto') === 'https',
  };
}

/** Of a list under several keys, those that name several values win: they hold the others too. */
function headersOfEvent(fields: Fields): HeaderList {
  const several = Object.entries(fieldsOf(fields.multiValueHeaders));
  const entries = several.length > 0 ? several : Object.entries(fieldsOf(fields.headers));
  return entries.flatMap(([name, values]) =>
    [values].flat().flatMap((value) => (typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [])),
  );
}

/** As it came, or made again from its parts: decoded for a REST API, left as they came by a load balancer. */
function queryOf(fields: Fields, isBalancer: boolean): string {
  const raw = textOf(fields.rawQueryString);
  if (raw !== undefined) return raw === '' ? '' : `?${writable(raw, UNFIT_QUERY)}`;
  const several = Object.entries(fieldsOf(fields.multiValueQueryStringParameters));
  const entries = several.length > 0 ? several : Object.entries(fieldsOf(fields.queryStringParameters));
  const printed = (text: string) => (isBalancer ? writable(text, UNFIT_QUERY) : writable(text, /[^\w.~*!'()-]/gu));
  const pairs = entries.flatMap(([name, values]) =>
    [values].flat().flatMap((value) => (typeof value === 'string' ? [`${printed(name)}=${printed(value)}`] : [])),
  );
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

/** Paths come decoded from some fronts: what may not stand in a request line is encoded again. */
function writable(text: string, unfit: RegExp): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd').replace(unfit, (character) => encodeURIComponent(character));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A load balancer appends the address that it was called from. */
function lastOf(list = ''): string {
  return list.slice(list.lastIndexOf(',') + 1).trim();
}
