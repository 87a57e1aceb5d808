/**
 * Where each host of the test world lives. The public names have public addresses, as they do outside, so that a proxy
 * which refuses private addresses is tested as users run it; the network they are in is private all the same.
 */
export const addresses = {
  'registry-1.docker.io': '44.99.0.2',
  'auth.docker.io': '44.99.0.3',
  'index.docker.io': '44.99.0.9',
  'production.cloudflare.docker.com': '44.99.0.4',
  'ghcr.io': '44.99.0.5',
  'pkg-containers.githubusercontent.com': '44.99.0.6',
  /** A registry with a Basic login of its own. */
  'basic.example.org': '44.99.0.7',
  /** A registry without login or TLS, in a private network. */
  'plain.example.org': '10.99.0.8',
} as const;

/** Ports of what listens on loopback behind the names above. */
export const ports = { hub: 5001, ghcr: 5002, basic: 5003 };

/** The proxy's address, also seen from behind the border. */
export const proxyAddress = '10.99.1.1';

/** Proxies by the name users know them by, each behind TLS under that name and plain on its port. */
export const proxies = {
  'follow.example.com': 3001,
  'pass.example.com': 3002,
  'untouched.example.com': 3003,
  'cdn-host.example.com': 3004,
  'ghcr.example.com': 3005,
  'basic.example.com': 3006,
  'plain.example.com': 3007,
  'length.example.com': 3008,
  'chunked.example.com': 3009,
  'many.example.com': 3010,
  /** The same one by a host name that stands for one of its registries. */
  'ghcr.many.example.com': 3010,
  'many-pass.example.com': 3011,
  'kinds.example.com': 3013,
  'docker.kinds.example.com': 3013,
  /** TLS on its port, by the proxy itself. */
  'tls.example.com': 3012,
  /** With users of their own: who pull, who have rights, where everybody pulls. */
  'users.example.com': 3014,
  'rights.example.com': 3015,
  'anyone.example.com': 3016,
  /** Where a secret does in place of a login. */
  'secret.example.com': 3017,
  'secret-relay.example.com': 3018,
  /** Where an address does: in place of a login, beside one, and where nobody can log in. */
  'near.example.com': 3019,
  'near-both.example.com': 3020,
  'near-only.example.com': 3021,
  /** With a cache. */
  'kept.example.com': 3022,
  'cached.example.com': 3023,
  'close.example.com': 3024,
  /** As Workers: one registry, by rows in KV, with a bucket, with users of their own. */
  'worker.example.com': 3025,
  'maps.example.com': 3026,
  'docker.maps.example.com': 3026,
  'ghcr.maps.example.com': 3026,
  'bucket.example.com': 3027,
  'worker-users.example.com': 3028,
  /** With the limits of a paid plan. */
  'worker-paid.example.com': 3029,
  /** A function of AWS Lambda: by its URL, by some that carry less, by an HTTP API. */
  'images.lambda-url.eu-central-1.on.aws': 3040,
  'small.lambda-url.eu-central-1.on.aws': 3041,
  'cut.lambda-url.eu-central-1.on.aws': 3042,
  'images.execute-api.eu-central-1.amazonaws.com': 3043,
  /** Functions and services, each behind what stands in for its platform. */
  'fc.example.com': 3060,
  'run.example.com': 3061,
  'scf.example.com': 3062,
  'scf-offload.example.com': 3063,
  'scf-slow.example.com': 3065,
  /** No proxy, but an object store that both sides of the border reach. */
  'store.example.com': 3064,
} as const;

export type ProxyName = keyof typeof proxies;

/** Those that run behind an edge: it speaks TLS to them, too, and says who the client is. */
export const workerPorts: ReadonlySet<number> = new Set([3025, 3026, 3027, 3028, 3029]);
