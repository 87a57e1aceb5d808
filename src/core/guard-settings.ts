import type { Setting } from './setting';

/** Who may come, what for, and how often: all of it open until it is set. */
export const guardSettings = [
  {
    name: 'ALLOW_IMAGES',
    kind: 'images',
    fallback: '',
    help: 'Only these images are served: a list of patterns over `registry/repository`, such as `docker.io/library/*` or `ghcr.io/acme/**`. `*` stands for anything within one component, `**` for any number of components, also none. A first component with `.`, `:` or `*` is a registry; a pattern without one is of `REGISTRY_BACKEND`. Anything else is 403, and so is `_catalog`.',
  },
  {
    name: 'DENY_IMAGES',
    kind: 'images',
    fallback: '',
    help: 'These images are not served: patterns as in `ALLOW_IMAGES`, over which they win.',
  },
  {
    name: 'ALLOW_CLIENTS',
    kind: 'addresses',
    fallback: '',
    help: 'Only clients at these addresses are served: a list of addresses, CIDR ranges and the words `loopback`, `linklocal`, `private`. Others get 403 on everything but `/-/healthz`. Behind a proxy or gateway `TRUST_PROXY` must name its addresses: until it is set, nobody is let in who comes through one, and on Function Compute the start fails.',
  },
  {
    name: 'RATE_LIMIT',
    kind: 'rate',
    fallback: '',
    help: 'Requests of one client address: `20/s`, `600/m` or `10000/h`, with a burst behind it if need be, `20/s burst 100`. The burst is how many may come at once, by default the first number. One too many is 429 with `Retry-After`. An IPv6 client is its /64. A pull costs five requests and one for each layer; `TRUST_PROXY` counts as in `ALLOW_CLIENTS`.',
  },
  {
    name: 'MAX_TRANSFERS',
    kind: 'count',
    fallback: '',
    help: 'Blobs that one client address may download and upload at once. A further one waits up to 10 s for its turn, then it is 429. docker takes 3, podman 6: set no less, and more where several machines share an address.',
  },
  {
    name: 'BUDGET_CLIENT_BYTES',
    kind: 'size',
    fallback: '',
    help: 'Bytes that one client may be sent in a day (of UTC): `50g`. What is under way is never cut; the next request is over it (`BUDGET_ACTION`). Clients are told apart as by `RATE_LIMIT`.',
  },
  {
    name: 'BUDGET_CLIENT_REQUESTS',
    kind: 'count',
    fallback: '',
    help: 'Requests for images that one client may make in a day.',
  },
  {
    name: 'BUDGET_UPSTREAM_BYTES',
    kind: 'size',
    fallback: '',
    help: 'Bytes that may be fetched from each registry, its storage included, in a day. What is kept costs none of them, and is served on when they are used up.',
  },
  {
    name: 'BUDGET_UPSTREAM_REQUESTS',
    kind: 'count',
    fallback: '',
    help: 'Requests that may be sent to each registry in a day.',
  },
  {
    name: 'BUDGET_ACTION',
    kind: 'choice',
    fallback: 'refuse',
    choices: ['refuse', 'redirect'],
    help: 'What becomes of a request that is over a budget: 429 that says until when; or, for blobs, a redirect to where the registry itself has them, so that none of their bytes pass the proxy.',
  },
  {
    name: 'ACCESS',
    kind: 'access',
    fallback: '',
    help: 'Who may do what, where the proxy has users of its own: rules `<who>: <actions> <patterns>` with `;` or a line break between them, `alice,bob: pull,push team/**; *: pull **; anonymous: pull library/*`. Who: user names, `*` for everybody who is logged in, `anonymous` for everybody. Actions: `pull`, `push` (with it pull), `delete`, `all`; `anonymous` may only pull. Patterns as in `ALLOW_IMAGES`. Without it users may pull everything, and nobody may push or delete.',
  },
] as const satisfies readonly Setting[];
