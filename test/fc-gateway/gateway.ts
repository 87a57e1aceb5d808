import { randomBytes, randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { type Edge, named } from '../edges/edge';
import { type EdgeGateway, startEdge } from '../edges/gateway';
import { holdInstances } from '../edges/instances';

export type { Answered } from '../edges/edge';

/** Limits of a web function, from Aliyun's pages: deploy/aliyun/README.md names them. */
export const MAX_HEADER_BYTES = 8 * 1024;
export const MAX_TARGET_BYTES = 4 * 1024;
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** What nobody has told about it. */
export interface FcUnknowns {
  /** What happens to the length of an answer to HEAD; `zero` is the length of its empty body. */
  headLength?: 'kept' | 'dropped' | 'zero';
  /** Whether fcapp.run still adds `Content-Disposition: attachment`. */
  attachment?: boolean;
  /** Whether a large answer with a length is buffered whole or refused. */
  bufferAtMost?: number;
}

export interface GatewayOptions extends FcUnknowns {
  /** Where the function listens, and its process when it is to be frozen between requests. */
  port: number;
  pid?: number;
  host?: string;
}

export interface Gateway extends EdgeGateway {
  host: string;
  /** The credentials it hands to the function with every request. */
  secrets: readonly string[];
  healthCheck(path: string): Promise<number>;
  initialize(): Promise<number>;
  preStop(): Promise<number>;
}

/** FC does so by itself for a request without a body that the function lost. */
const REPEATABLE = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];

/** What neither side may set; `x-fc-*` is the rest of that list. */
const OWN_REQUEST_HEADERS = ['connection', 'keep-alive', 'x-forwarded-proto', 'x-forwarded-for'];
const OWN_RESPONSE_HEADERS = ['connection', 'content-length', 'date', 'keep-alive', 'server', 'transfer-encoding'];

/** A day, in milliseconds, at most; s.yaml sets three hours. */
const DEADLINE = 86_400_000;

export function fcEdge(
  options: FcUnknowns & { host?: string } = {},
  common: (path: string) => OutgoingHttpHeaders = commonHeaders(makeSecrets()),
): Edge {
  const refused = (bytes: number, message: string) => ({ bytes, status: 400, code: 'InvalidArgument', message });
  return {
    host: options.host,
    deadline: DEADLINE,
    repeats: REPEATABLE,
    tellsOfLeaving: true,
    request: {
      headers: refused(MAX_HEADER_BYTES, 'the request header is over 8 KB'),
      target: refused(MAX_TARGET_BYTES, 'path and query are over 4 KB'),
      body: refused(MAX_BODY_BYTES, 'the request body is over 32 MB'),
      drops: named(OWN_REQUEST_HEADERS, 'x-fc-'),
      adds: ({ socket }) => ({
        ...common('/http-invoke'),
        'x-forwarded-proto': 'https',
        'x-forwarded-for': socket.remoteAddress,
      }),
    },
    response: {
      headers: {
        bytes: MAX_HEADER_BYTES,
        status: 502,
        code: 'BadResponse',
        message: 'the response header is over 8 KB',
      },
      streams: ({ headers }) => headers['transfer-encoding'] === 'chunked',
      body: {
        bytes: options.bufferAtMost ?? Number.POSITIVE_INFINITY,
        status: 502,
        code: 'BadResponse',
        message: 'the response body is too large',
      },
      drops: named(OWN_RESPONSE_HEADERS, 'x-fc-'),
      adds: () => ({
        date: new Date().toUTCString(),
        server: 'fc',
        'x-fc-request-id': `1-${randomUUID()}`,
        ...(options.attachment ? { 'content-disposition': 'attachment' } : {}),
      }),
      headLength: ({ headers }) =>
        options.headLength === 'dropped' ? undefined : options.headLength === 'zero' ? 0 : headers['content-length'],
    },
    refuse: ({ code, message }) => ({
      headers: { 'content-type': 'application/json', 'x-fc-error-type': code },
      body: JSON.stringify({ RequestId: randomUUID(), ErrorCode: code, ErrorMessage: message }),
    }),
  };
}

/** A stand-in for the HTTP gateway of Function Compute: it enforces what Aliyun documents. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const host = options.host ?? 'registry-proxy-abcdefghij.cn-hongkong.fcapp.run';
  const secrets = makeSecrets();
  const common = commonHeaders(secrets);
  const { port, pid } = options;
  // One instance, however many requests: what is tested is the process.
  const instances = holdInstances([{ port, pid }], { concurrency: Number.POSITIVE_INFINITY, freezes: true });
  const gateway = await startEdge(fcEdge({ ...options, host }, common), instances);
  return {
    ...gateway,
    host,
    secrets,
    healthCheck: (path) => gateway.control('GET', path, { host: `127.0.0.1:${port}` }),
    initialize: () => gateway.control('POST', '/initialize', { ...common('/initialize'), host, 'content-length': 0 }),
    preStop: () => gateway.control('GET', '/pre-stop', { ...common('/pre-stop'), host }),
  };
}

const makeSecrets = () => ['STS.', '', 'CAIS'].map((prefix) => prefix + randomBytes(24).toString('hex'));

const commonHeaders =
  ([id, secret, token]: readonly string[]) =>
  (path: string): OutgoingHttpHeaders => ({
    'x-fc-request-id': `1-${randomUUID()}`,
    'x-fc-access-key-id': id,
    'x-fc-access-key-secret': secret,
    'x-fc-security-token': token,
    'x-fc-control-path': path,
    'x-fc-function-handler': 'index.handler',
    'x-fc-function-memory': '1024',
    'x-fc-function-name': 'registry-proxy',
    'x-fc-region': 'cn-hongkong',
    'x-fc-account-id': '1000000000000000',
    'x-fc-qualifier': 'LATEST',
    'x-fc-version-id': '',
    'x-fc-service-logproject': '',
    'x-fc-service-logstore': '',
  });
