import { randomBytes } from 'node:crypto';
import { type Edge, named } from '../edges/edge';

/** Limits of HTTP/1, from Google's pages (cloud.google.com/run/quotas, cloud.google.com/run/docs/container-contract). */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Milliseconds: the default of a service, which may have an hour. */
export const DEADLINE = 300_000;

/** What stands before the containers of a Cloud Run service, for clients and containers that speak HTTP/1. */
export function cloudRunEdge(options: { host?: string; deadline?: number } = {}): Edge {
  return {
    host: options.host,
    deadline: options.deadline ?? DEADLINE,
    repeats: [],
    tellsOfLeaving: true,
    request: {
      body: {
        bytes: MAX_BODY_BYTES,
        status: 413,
        code: 'Request Entity Too Large',
        message: 'the request is over 32 MiB',
      },
      drops: named(['connection', 'keep-alive', 'x-forwarded-proto', 'forwarded', 'traceparent'], 'x-cloud-'),
      // What a caller says of itself stays before the address that was seen.
      adds: ({ headers, socket }) => ({
        'x-forwarded-for': [headers['x-forwarded-for'], socket.remoteAddress].filter(Boolean).join(','),
        'x-forwarded-proto': 'https',
        'x-cloud-trace-context': `${randomBytes(16).toString('hex')}/1;o=0`,
      }),
    },
    response: {
      streams: ({ headers }) => headers['transfer-encoding'] === 'chunked',
      body: {
        bytes: MAX_BODY_BYTES,
        status: 500,
        code: 'Internal Server Error',
        message: 'Response size was too large. Please consider reducing response size.',
      },
      drops: named(['connection', 'keep-alive', 'date', 'server']),
      adds: () => ({ date: new Date().toUTCString(), server: 'Google Frontend' }),
      headLength: ({ headers }) => headers['content-length'],
    },
    refuse: ({ status, code, message }) => ({
      headers: { 'content-type': 'text/html; charset=UTF-8' },
      body: `<html><head><title>${status} ${code}</title></head><body><h1>Error: ${code}</h1><p>${message}</p></body></html>`,
    }),
  };
}
