import { randomUUID } from 'node:crypto';
import { type Edge, named } from '../edges/edge';

/** Limits of a web function, from Tencent Cloud's pages: deploy/tencent/README.md names them. */
export const MAX_RESPONSE_HEADER_BYTES = 4 * 1024;
export const MAX_BODY_BYTES = 6 * 1024 * 1024;

/** Seconds at most; serverless.yml sets them. */
export const MAX_SECONDS = 900;

const KIB = 1024;

/**
 * What stands before a web function of Tencent Cloud SCF, by its pages of 2024 and 2025. The codes are those of its list of
 * statuses (tencentcloud.com/document/product/583/35311); that they are the statuses of HTTP is a guess, and so are the limits
 * of request headers and URL, which no page names: those of a stock nginx, on which the pages say it is built.
 */
export function scfEdge(options: { host?: string; deadline?: number } = {}): Edge {
  return {
    host: options.host,
    deadline: options.deadline ?? MAX_SECONDS * 1000,
    // "Neither asynchronous calls nor retries."
    repeats: [],
    tellsOfLeaving: false,
    request: {
      headers: { bytes: 32 * KIB, status: 400, code: 'BadRequest', message: 'the request header is too large' },
      target: { bytes: 8 * KIB, status: 414, code: 'BadRequest', message: 'the URL is too long' },
      body: { bytes: MAX_BODY_BYTES, status: 406, code: 'RequestTooLarge', message: 'the request is over 6 MB' },
      drops: named(['connection', 'keep-alive', 'x-forwarded-proto', 'x-forwarded-for'], 'x-scf-'),
      adds: ({ socket }) => ({
        'x-scf-request-id': randomUUID(),
        'x-scf-memory': '512',
        'x-scf-timeout': String(MAX_SECONDS * 1000),
        'x-scf-version': '$LATEST',
        'x-scf-name': 'registry-proxy',
        'x-scf-namespace': 'default',
        'x-scf-region': 'ap-hongkong',
        'x-scf-appid': '1250000000',
        'x-scf-uin': '100000000001',
        'x-scf-remote-addr': socket.remoteAddress,
        'x-forwarded-proto': 'https',
        'x-forwarded-for': socket.remoteAddress,
      }),
    },
    response: {
      headers: {
        bytes: MAX_RESPONSE_HEADER_BYTES,
        status: 502,
        code: 'ResponseHeaderTooLarge',
        message: 'the response header is over 4 KB',
      },
      // Chunked or not: nothing but server-sent events is said to be streamed, and that they may be larger is not said.
      streams: () => false,
      body: {
        bytes: MAX_BODY_BYTES,
        status: 407,
        code: 'ResponseTooLarge',
        message: 'The size of response exceeds the upper limit (6MB)',
      },
      drops: named(['connection', 'keep-alive', 'date', 'server'], 'x-scf-'),
      adds: () => ({ date: new Date().toUTCString(), server: 'scf', 'x-scf-request-id': randomUUID() }),
      headLength: ({ headers }) => headers['content-length'],
    },
    refuse: ({ status, code, message }) => ({
      headers: { 'content-type': 'application/json', 'x-scf-status': String(status) },
      body: JSON.stringify({ errorCode: status, errorMessage: message, statusCode: status, code }),
    }),
  };
}
