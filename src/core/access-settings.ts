import type { Setting } from './setting';

/** Logins, and who may do what. */
export const accessSettings = [
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
    name: 'REGISTRY_ACCOUNTS',
    kind: 'accounts',
    secret: true,
    fallback: '',
    help: 'More logins at `REGISTRY_BACKEND`, `user:token,user:token`: the proxy pulls by the one that has most pulls left, as `RateLimit-Remaining` of the registry says, and by the next one where the registry answers 429.',
  },
  {
    name: 'AUTH_HEADER',
    kind: 'secret',
    secret: true,
    fallback: '',
    help: 'In place of `REGISTRY_USERNAME`: the value of the `Authorization` field that goes to `REGISTRY_BACKEND` with every request. A `Basic` one is used as the login that it is, for its token server too.',
  },
  {
    name: 'GOOGLE_APPLICATION_CREDENTIALS',
    kind: 'path',
    fallback: '',
    help: 'Key file of a service account of Google, where `REGISTRY_BACKEND` is gcr.io or *.pkg.dev: the proxy pulls private images by its right, with a token that it gets and renews itself. Not used for any other registry.',
  },
  {
    name: 'ANONYMOUS_PULL',
    kind: 'boolean',
    fallback: 'false',
    help: 'Says that everybody who can reach the proxy may pull whatever `REGISTRY_USERNAME` may; without it the proxy does not start with that set.',
  },
  {
    name: 'REGISTRY_AUTH',
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'htpasswd', 'none'],
    help: 'As distribution has it: `htpasswd` lets in the users of `HTPASSWD_FILE`, `none` everybody, whatever else is set. `auto`: `htpasswd` where there are users.',
  },
  {
    name: 'HTPASSWD_FILE',
    aliases: ['REGISTRY_AUTH_HTPASSWD_PATH'],
    kind: 'path',
    fallback: '',
    help: "File of the proxy's own users, as Apache's `htpasswd -B` or `registry-proxy htpasswd USER` writes it, on a Worker with `--generate`: only they may pull then, what everybody may pull else, and `ACCESS` says more. The proxy authenticates upstream.",
  },
  {
    name: 'HTPASSWD',
    kind: 'htpasswd',
    secret: true,
    fallback: '',
    help: 'The same in the setting itself, where there is no file: `user:hash`, with spaces or commas between.',
  },
  {
    name: 'AUTH_REALM',
    aliases: ['REGISTRY_AUTH_HTPASSWD_REALM'],
    kind: 'secret',
    fallback: 'registry-proxy',
    help: 'What a login window says.',
  },
  {
    name: 'ACCESS_SECRET',
    kind: 'access-secret',
    secret: true,
    fallback: '',
    help: 'A word that lets its holders pull without a login, for docker, which never sends one to a mirror: `"registry-mirrors": ["https://r.example.com/SECRET"]` (docker 24.0.8 and newer), `https://SECRET.r.example.com` or `r.example.com/SECRET/nginx`. Everybody else is refused or has to log in.',
  },
  {
    name: 'SATISFY',
    kind: 'choice',
    fallback: 'all',
    choices: ['all', 'any'],
    help: 'Like nginx `satisfy`: with `any`, an address on `ALLOW_CLIENTS` may pull without a login, and everybody else has to log in; with `all`, both are needed.',
  },
] as const satisfies readonly Setting[];
