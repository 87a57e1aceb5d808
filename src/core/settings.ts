/** How the text of a setting is read; `setting-readers.ts` has the readers. */
export type SettingKind =
  | 'address-list'
  | 'boolean'
  | 'choice'
  | 'duration'
  | 'host'
  | 'name'
  | 'origin'
  | 'origin-or-host'
  | 'path'
  | 'port'
  | 'presence'
  | 'registries'
  | 'repository'
  | 'secret'
  | 'url-or-host';

export interface Setting {
  /** Name of the environment variable. */
  readonly name: string;
  /** What other programs call it: read just the same. */
  readonly aliases?: readonly string[];
  readonly kind: SettingKind;
  /** What holds when it is not set, as it would be written; empty where that is derived (then `help` says how). */
  readonly fallback: string;
  readonly choices?: readonly string[];
  /** Its value is never printed. */
  readonly secret?: true;
  readonly help: string;
}

/** Every setting there is. docs/configuration.md is generated from this table (`yarn docs`). */
export const settings = [
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
    name: 'REGISTRY_BACKEND',
    aliases: ['REGISTRY_HOST', 'REGISTRY_PROXY_REMOTEURL'],
    kind: 'url-or-host',
    fallback: 'https://registry-1.docker.io',
    help: 'The registry behind the proxy: a URL, or a bare host (then https). It may have a base path; a trailing `/v2` is dropped. Private and loopback addresses are called only where this host is one (see `ALLOW_PRIVATE_ADDRESSES`).',
  },
  {
    name: 'REGISTRY_NAME',
    kind: 'name',
    fallback: '',
    help: 'The name clients know that registry by: what `?ns=` must say, and what may stand before a repository name. Default: the host of `REGISTRY_BACKEND`, and `docker.io` for the hosts of Docker Hub. Set `docker.io` when the backend is a mirror of Docker Hub: official images are then completed to `library/`.',
  },
  {
    name: 'REGISTRIES',
    kind: 'registries',
    fallback: '',
    help: 'More registries for this instance: a list of names, `ghcr.io,quay.io`, or `name=URL` where the name is not where it is. Clients choose one by `?ns=`, by the first label of the host (`ghcr.r.example.com`) or by a path prefix (`r.example.com/ghcr.io/owner/app`); anything else goes to `REGISTRY_BACKEND`. With this set, the proxy gets anonymous tokens itself: public images need no login, private ones and pushes are not served.',
  },
  {
    name: 'REGISTRY_USERNAME',
    aliases: ['REGISTRY_PROXY_USERNAME'],
    kind: 'secret',
    secret: true,
    fallback: '',
    help: 'A login at `REGISTRY_BACKEND` by which the proxy pulls for everybody; for Google registries `_json_key`. Clients then need none and cannot push. Needs `REGISTRY_PASSWORD`, and `ANONYMOUS_PULL=true` since it opens private images to whoever reaches the proxy. It is shown only to the registry and to a token server of the same domain.',
  },
  {
    name: 'REGISTRY_PASSWORD',
    aliases: ['REGISTRY_PROXY_PASSWORD'],
    kind: 'secret',
    secret: true,
    fallback: '',
    help: 'The password or access token of `REGISTRY_USERNAME`.',
  },
  {
    name: 'ANONYMOUS_PULL',
    kind: 'boolean',
    fallback: 'false',
    help: 'Says that everybody who can reach the proxy may pull whatever `REGISTRY_USERNAME` may; without it the proxy does not start with that set.',
  },
  {
    name: 'REPO_PREFIX',
    aliases: ['REGISTRY_PREFIX'],
    kind: 'repository',
    fallback: '',
    help: 'Offers the repositories below this path of `REGISTRY_BACKEND` as if they were at the top: with `my-project` and `https://gcr.io`, `r.example.com/foo` is `gcr.io/my-project/foo`. Clients never see the prefix, and nothing outside it.',
  },
  {
    name: 'DISABLE_BROWSER_REDIRECTS',
    kind: 'presence',
    fallback: '',
    help: "With `REPO_PREFIX`, a browser that opens `r.example.com/foo` is sent to the registry's own page of that repository. Any value switches that off.",
  },
  {
    name: 'DEFAULT_BACKEND_HOST',
    kind: 'origin-or-host',
    fallback: '',
    help: "The registry's storage, as a URL or a bare host (then https): `PROXY_REDIRECT` rewrites redirects to it, and paths outside `/v2/` are served from it. Default: the host of `REGISTRY_BACKEND`.",
  },
  {
    name: 'PROXY_REDIRECT',
    kind: 'boolean',
    fallback: 'true',
    help: "Like nginx `proxy_redirect`: a `Location` on `DEFAULT_BACKEND_HOST` is rewritten to the proxy's own URL. No effect on redirects that `HANDLE_REDIRECT` follows.",
  },
  {
    name: 'HANDLE_REDIRECT',
    kind: 'boolean',
    fallback: 'false',
    help: 'The proxy follows redirects itself (GET and HEAD, at most 5 hops), so clients never need to reach the storage host. Paths outside `/v2/` are then not served.',
  },
  {
    name: 'PUBLIC_URL',
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
    name: 'ALLOW_PRIVATE_ADDRESSES',
    kind: 'boolean',
    fallback: '',
    help: 'Lets the backend, its redirects and its token server be on private, loopback or link-local addresses. Default: `true` where the host of `REGISTRY_BACKEND` is plainly a private one (a private address, `localhost`, a name without dots, `*.local`, `*.internal`, `*.lan`, `*.home.arpa`), else `false`: such a connection is refused when it is made.',
  },
  {
    name: 'PLATFORM',
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'node', 'aliyun-fc'],
    help: 'Where the proxy runs; decides keep-alive, hooks, body framing and limits. `auto` looks for the variables that Function Compute sets.',
  },
  {
    name: 'BODY_FRAMING',
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'length', 'chunked'],
    help: 'How blobs over 4 MiB are sent: with `Content-Length`, or chunked (Function Compute streams only chunked responses). `auto`: chunked on Function Compute, else length. Smaller bodies and HEAD always have their length.',
  },
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
    kind: 'duration',
    fallback: '30s',
    help: 'How long SIGTERM waits for transfers under way.',
  },
  {
    name: 'LOG_LEVEL',
    kind: 'choice',
    fallback: 'info',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    help: 'Least severe level that is logged. Requests are `info`, failed ones `warn`.',
  },
  {
    name: 'LOG_FORMAT',
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'json', 'text'],
    help: '`auto`: text where stdout is a terminal, else one JSON object a line.',
  },
] as const satisfies readonly Setting[];

export type SettingName = (typeof settings)[number]['name'];
