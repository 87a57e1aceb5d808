import type { Setting } from './setting';

/** Which registries stand behind the proxy, and how they are shown. */
export const registrySettings = [
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
    help: 'More registries for this instance: a list of names, `ghcr.io,quay.io,*.pkg.dev`, or `name=URL` where the name is not where it is; or JSON, or the path of a JSON or YAML file, where each can have a login, deadlines and more of its own (README, "Many registries"). Clients choose one by `?ns=`, by the first label of the host (`ghcr.r.example.com`) or by a path prefix (`r.example.com/ghcr.io/owner/app`); anything else goes to `REGISTRY_BACKEND`. With several, the proxy authenticates: public images need no login, and pushes are not served.',
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
    name: 'DELIVERY',
    kind: 'deliveries',
    fallback: 'auto',
    help: "How blobs reach clients: `stream` through the proxy; `redirect` to the registry's own signed URL, untouched; `offload`: copied into the bucket of `CACHE=s3://…`, then a redirect to a signed URL there. `auto` streams what the platform carries; larger ones go by the registry's own URL where clients may be led there (`HANDLE_REDIRECT=false`), else by the bucket where there is one. A list says more for single registries: `auto,ghcr.io=offload`.",
  },
  {
    name: 'ALLOW_PRIVATE_ADDRESSES',
    kind: 'boolean',
    fallback: '',
    help: 'Lets the backend, its redirects and its token server be on private, loopback or link-local addresses. Default: `true` where the host of `REGISTRY_BACKEND` is plainly a private one (a private address, `localhost`, a name without dots, `*.local`, `*.internal`, `*.lan`, `*.home.arpa`), else `false`: such a connection is refused when it is made.',
  },
] as const satisfies readonly Setting[];
