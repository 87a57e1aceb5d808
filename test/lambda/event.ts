import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Which service of AWS stands in front of the function. */
export type Front = 'function-url' | 'http-api';

export interface Call {
  request: IncomingMessage;
  body: Buffer;
  host: string;
  front: Front;
  id: string;
}

const TEXTS = /^(text\/|application\/(json|javascript|xml)\b)/;

/** A request as payload format 2.0: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads */
export function eventOf({ request, body, host, front, id }: Call): object {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const [path, query] = mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (name !== 'connection' && name !== 'cookie') headers[name] = (values as string[]).join(',');
  }
  const client = request.socket.remoteAddress ?? '';
  const text = TEXTS.test(request.headers['content-type'] ?? '');
  const time = Date.now();
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers: {
      ...headers,
      host,
      'x-amzn-trace-id': `Root=1-${randomUUID()}`,
      'x-forwarded-for': [request.headers['x-forwarded-for'], client].filter(Boolean).join(', '),
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    ...(query ? { queryStringParameters: Object.fromEntries(new URLSearchParams(query)) } : {}),
    requestContext: {
      accountId: front === 'function-url' ? 'anonymous' : '123456789012',
      apiId: host.split('.')[0],
      domainName: host,
      domainPrefix: host.split('.')[0],
      http: {
        method: request.method,
        path,
        protocol: 'HTTP/1.1',
        sourceIp: client,
        userAgent: request.headers['user-agent'] ?? '',
      },
      requestId: id,
      routeKey: '$default',
      stage: '$default',
      time: new Date(time).toUTCString(),
      timeEpoch: time,
    },
    ...(body.length > 0 ? { body: text ? body.toString() : body.toString('base64') } : {}),
    isBase64Encoded: body.length > 0 && !text,
  };
}
