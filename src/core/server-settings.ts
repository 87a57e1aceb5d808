import type { Setting } from './setting';

/** Where and how the proxy is reached. */
export const serverSettings = [
  {
    name: 'CONFIG_FILE',
    aliases: ['REGISTRY_CONFIGURATION_PATH'],
    kind: 'path',
    fallback: '',
    help: 'Path of a `config.yml` of the registry (distribution) that ran as a pull-through cache; also `--config`, or `serve` and the path as first words of the command line. It says what nothing else says: `proxy.remoteurl`, `username` and `password`, `http.addr`, `host`, `draintimeout` and `tls`, `auth.htpasswd`, `log.level` and `formatter`. The log names what is ignored.',
  },
  {
    name: 'HOST',
    aliases: ['REGISTRY_HTTP_ADDR'],
    kind: 'host',
    fallback: '0.0.0.0',
    help: 'Address to listen on.',
  },
  {
    name: 'PORT',
    aliases: ['REGISTRY_HTTP_ADDR'],
    kind: 'port',
    fallback: '3000',
    help: 'Port to listen on; 0 takes any free one, which the start line in the log names.',
  },
  {
    name: 'TLS_CERT',
    aliases: ['REGISTRY_HTTP_TLS_CERTIFICATE'],
    kind: 'path',
    fallback: '',
    help: 'File with the certificate and those of its issuers, in PEM form: the proxy then serves https, and nothing else, on `PORT`. Needs `TLS_KEY`. Both files are read again when they change, without a restart.',
  },
  {
    name: 'TLS_KEY',
    aliases: ['REGISTRY_HTTP_TLS_KEY'],
    kind: 'path',
    fallback: '',
    help: 'File with the private key of `TLS_CERT`, in PEM form and without a passphrase.',
  },
  {
    name: 'HTTP2',
    kind: 'boolean',
    fallback: 'true',
    help: 'Whether HTTP/2 is offered with `TLS_CERT`, beside HTTP/1.1. Node.js 20 before 20.20.2 and 22 before 22.22.2 have flaws of their own in it: switch it off there where strangers can connect.',
  },
  {
    name: 'PUBLIC_URL',
    aliases: ['REGISTRY_HTTP_HOST'],
    kind: 'origin',
    fallback: '',
    help: 'The URL clients reach the proxy by, `https://host[:port]`. Default: taken from each request, and from `X-Forwarded-Proto`, `-Host` and `-Port` where the peer is trusted.',
  },
  {
    name: 'TRUST_PROXY',
    kind: 'address-list',
    fallback: '',
    help: 'Whose `X-Forwarded-*` is believed: `true`, `false`, or a list of addresses, CIDR ranges and the words `loopback`, `linklocal`, `private`. Default: `loopback,linklocal,private`; on Function Compute its gateway. `X-Forwarded-For` is believed only where this is set explicitly.',
  },
  {
    name: 'PLATFORM',
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'node', 'aliyun-fc', 'cloudflare-workers', 'aws-lambda', 'tencent-scf', 'cloud-run'],
    help: 'Where the proxy runs; decides keep-alive, hooks, body framing, limits, and how blobs are delivered (`DELIVERY`). `auto` looks for the variables that Function Compute, Lambda, SCF and Cloud Run set; a Worker knows what it is.',
  },
  {
    name: 'BODY_FRAMING',
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'length', 'chunked'],
    help: 'How blobs over 4 MiB are sent: with `Content-Length`, or chunked (Function Compute and Cloud Run stream only chunked responses). `auto`: chunked there, else length. Smaller bodies and HEAD always have their length.',
  },
] as const satisfies readonly Setting[];
