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
