import type { Setting } from './setting';

/** Deadlines and the log. */
export const limitSettings = [
  {
    name: 'CONNECT_TIMEOUT',
    kind: 'duration',
    fallback: '5s',
    help: 'Longest wait for a connection to the upstream, name look-up and TLS included.',
  },
  {
    name: 'RESPONSE_TIMEOUT',
    kind: 'duration',
    fallback: '30s',
    help: 'Longest wait for the head of a response, from the end of the request; then 504.',
  },
  {
    name: 'RETRY_TIMEOUT',
    kind: 'duration',
    fallback: '8s',
    help: 'All retries of a GET or HEAD before its first byte end within this time of the request; 0 never retries.',
  },
  {
    name: 'STALL_TIMEOUT',
    kind: 'duration',
    fallback: '20s',
    help: 'A body that brings no byte for this long counts as cut, and is continued.',
  },
  {
    name: 'CLIENT_TIMEOUT',
    kind: 'duration',
    fallback: '5m',
    help: 'A client that neither sends nor takes a byte for this long in the middle of a body is disconnected; 0 waits for ever.',
  },
  {
    name: 'MAX_REQUEST_BODY',
    kind: 'size',
    fallback: '',
    help: 'Bodies of requests with a greater length are refused with 413 before a byte of them is read: a layer that is pushed in one piece, above all. Default: what the platform takes; on Cloudflare Workers 100m, the limit of the Free and Pro plans (Business 200m, Enterprise 500m).',
  },
  {
    name: 'MAX_RESPONSE',
    kind: 'size',
    fallback: '',
    help: 'Bodies of answers have at most so many bytes, since something in front of the proxy takes no more; larger blobs are delivered another way (`DELIVERY`). Default: what the platform carries (SCF 6 MiB, Lambda 200 MiB, and above 6 MiB slowly), else no limit.',
  },
  {
    name: 'OFFLOAD_WAIT',
    kind: 'duration',
    fallback: '25s',
    help: 'How long a client waits at a time for a blob that is being copied into the bucket (`DELIVERY=offload`); then it is sent to the same URL again, at most 8 times. Less than the shortest time limit between client and proxy: `RESPONSE_TIMEOUT` of another instance, `proxy_read_timeout` of nginx.',
  },
  {
    name: 'MAX_SUBREQUESTS',
    kind: 'count',
    fallback: '',
    help: 'On Cloudflare Workers: how many requests of our own, to registries, R2 and KV, one request of a client may lead to. Default 50, the limit of the free plan; paid plans have 10000. A few of them are kept back for what comes last.',
  },
  {
    name: 'DIRECT_ABOVE',
    kind: 'size',
    fallback: '',
    help: 'On Cloudflare Workers: bodies of more bytes than this are handed on by the platform itself, which takes hardly any time of a processor; they are neither continued when they are cut nor kept. Default: 16m as long as `MAX_SUBREQUESTS` is that of the free plan, which has 10 ms for a request; else none are.',
  },
  {
    name: 'SHUTDOWN_TIMEOUT',
    aliases: ['REGISTRY_HTTP_DRAINTIMEOUT'],
    kind: 'duration',
    fallback: '30s',
    help: 'How long SIGTERM waits for transfers under way.',
  },
  {
    name: 'LOG_LEVEL',
    aliases: ['REGISTRY_LOG_LEVEL'],
    kind: 'choice',
    fallback: 'info',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    synonyms: { trace: 'debug', warning: 'warn', fatal: 'error', panic: 'error' },
    help: 'Least severe level that is logged. Requests are `info`, failed ones `warn`.',
  },
  {
    name: 'LOG_FORMAT',
    aliases: ['REGISTRY_LOG_FORMATTER'],
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'json', 'text'],
    synonyms: { logstash: 'json' },
    help: '`auto`: text where stdout is a terminal, else one JSON object a line.',
  },
] as const satisfies readonly Setting[];
