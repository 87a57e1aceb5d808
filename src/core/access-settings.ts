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
    name: 'ANONYMOUS_PULL',
    kind: 'boolean',
    fallback: 'false',
    help: 'Says that everybody who can reach the proxy may pull whatever `REGISTRY_USERNAME` may; without it the proxy does not start with that set.',
  },
] as const satisfies readonly Setting[];
