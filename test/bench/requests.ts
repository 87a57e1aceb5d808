import { startDistribution } from './distribution';
import { startNginx } from './nginx';
import { cpuOf, freePort, type RunningServer, type Server, startSilentServer } from './processes';
import { type Figure, median, type Outcome, round, rounded } from './result';
import type { Runtime, Stage } from './stage';

const CONNECTIONS = 32;
const MOST = 200_000;
const PULLS = 50;

/** As clients send them. */
const FIELDS = {
  'user-agent': 'containerd/1.6.20',
  accept: [
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.oci.image.index.v1+json',
    '*/*',
  ].join(', '),
};

interface Kind {
  readonly what: string;
  readonly method: string;
  readonly path: string;
}

const kinds: readonly Kind[] = [
  { what: 'HEAD of a manifest by its tag', method: 'HEAD', path: '/v2/bench/image/manifests/latest' },
  { what: 'Ping', method: 'GET', path: '/v2/' },
];

interface Contestant {
  readonly name: string;
  /** Undefined where it is not installed. */
  readonly server: RunningServer | undefined;
  /** Requests a second, one value a round. */
  readonly rates: number[];
  /** Microseconds of its CPU for each request, one value a round. */
  readonly costs: number[];
}

/** How many small requests a second are answered in front of a registry that wants tokens, beside what else does that. */
export async function requests(stage: Stage): Promise<Outcome> {
  const rounds = stage.choose(2, 7, 15);
  const seconds = stage.choose(0.3, 0.8, 2);
  const upstream = await startRegistry(stage, 0);
  const load = await stage.startPeer('load');
  const own = await Promise.all(
    stage.runtimes.map(async (runtime) => ({ runtime, server: await startProxy(stage, runtime, upstream) })),
  );
  const others = await startOthers(stage, upstream);
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = { rounds, seconds, connections: CONNECTIONS };
  for (const kind of kinds) {
    const ours = own.map(({ runtime, server }) => ({ runtime, ...contestant(runtime.version, server) }));
    const peers = others.map(({ name, server }) => contestant(name, server));
    await compete([...ours, ...peers], kind, load, rounds, seconds);
    for (const each of ours) figures.push(...figuresOf(kind, each, each.runtime, peers));
    raw[kind.what] = Object.fromEntries(
      [...ours, ...peers].map(({ name, rates, costs }) => [
        name,
        { perSecond: rounded(rates, 0), cpuMicroseconds: rounded(costs, 1) },
      ]),
    );
  }
  for (const { server } of [...own, ...others]) await server?.stop();
  await load.stop();
  await upstream.stop();
  figures.push(...(await countTokens(stage)));
  return {
    figures,
    notes: [
      `A process of its own asks over ${CONNECTIONS} connections that stay open, one request after the other on each: ${rounds} rounds of ${seconds} s, all in turns. The registry is on loopback over TLS and wants a Bearer token, for which its token server wants a login; both processes share the machine with the one that is measured. The proxy has that login (\`REGISTRY_USERNAME\`, \`ANONYMOUS_PULL=true\`). distribution (Debian's docker-registry) is a pull-through cache with the same login, and nginx, one worker, shows a token that never ends. Nobody logs requests. In brackets: the proxy's figure as a multiple of the other's, the median of the rounds' ratios.`,
      `For a HEAD by tag all three ask the registry, distribution with a token of its own for each. A ping is answered by the proxy and by distribution themselves; nginx asks the registry. A parallel pull is HEAD of the tag, then GET of manifest, configuration and layer, from an instance that has just started; the token server takes ${TOKEN_TIME} ms.`,
    ],
    raw,
  };
}

function contestant(name: string, server: RunningServer | undefined): Contestant {
  return { name, server, rates: [], costs: [] };
}

function startRegistry(stage: Stage, tokenTime: number): Promise<Server> {
  return stage.startPeer('bearer-registry', [stage.key, stage.certificate], { TOKEN_TIME: String(tokenTime) });
}

interface Login {
  readonly username: string;
  readonly password: string;
}

async function startProxy(stage: Stage, runtime: Runtime, upstream: Server): Promise<RunningServer> {
  const port = await freePort();
  const { username, password } = upstream.listening.login as Login;
  return startSilentServer({
    command: runtime.binary,
    args: [stage.bundle],
    env: {
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'error',
      NODE_EXTRA_CA_CERTS: stage.authority,
      REGISTRY_BACKEND: backendOf(upstream),
      REGISTRY_USERNAME: username,
      REGISTRY_PASSWORD: password,
      ANONYMOUS_PULL: 'true',
    },
    cwd: stage.folder,
    ping: `http://127.0.0.1:${port}/-/healthz`,
  });
}

async function startOthers(stage: Stage, upstream: Server) {
  const { login, token } = upstream.listening;
  const backend = backendOf(upstream);
  return [
    { name: 'distribution', server: await startDistribution(stage, backend, login as Login) },
    { name: 'nginx', server: await startNginx(stage, backend, `Bearer ${token}`) },
  ];
}

function backendOf(upstream: Server): string {
  return `https://127.0.0.1:${upstream.listening.port}`;
}

async function compete(all: readonly Contestant[], kind: Kind, load: Server, rounds: number, seconds: number) {
  // Code that is compiled when it has been used often is fast only after some seconds.
  for (const each of all) await ask(each, kind, load, 4 * seconds);
  for (let index = 0; index < rounds; index += 1) {
    for (const each of index % 2 === 0 ? all : all.toReversed()) {
      if (!each.server) continue;
      const cpu = cpuOf(each.server.pid);
      const tally = await ask(each, kind, load, seconds);
      each.rates.push(tally.requests / tally.seconds);
      each.costs.push(((cpuOf(each.server.pid) - cpu) / tally.requests) * 1e6);
    }
  }
}

async function ask({ name, server }: Contestant, { method, path }: Kind, load: Server, seconds: number) {
  if (!server) return { requests: 0, seconds: 0 };
  const query = new URLSearchParams({ url: server.url + path, method, seconds: String(seconds) });
  for (const [field, value] of Object.entries(FIELDS)) query.append('field', `${field}: ${value}`);
  const answer = await fetch(`${load.url}/?${query}&connections=${CONNECTIONS}&most=${MOST}`);
  const tally = (await answer.json()) as { requests: number; seconds: number; fault?: string };
  if (tally.fault !== undefined) throw new Error(`${name}, ${method} ${path}: ${tally.fault}`);
  return tally;
}

function figuresOf(
  { what }: Kind,
  own: Contestant,
  { version: node }: Runtime,
  peers: readonly Contestant[],
): Figure[] {
  const beside = (values: (one: Contestant) => readonly number[], unit: string) =>
    peers
      .map((peer) => {
        if (!peer.server) return `${peer.name} is not installed`;
        const ratios = values(own).map((value, index) => value / (values(peer)[index] ?? Number.NaN));
        return `${peer.name} ${round(median(values(peer)), 0)}${unit} (${round(median(ratios))} ×)`;
      })
      .join(', ');
  return [
    {
      what: `${what}: requests a second`,
      node,
      value: round(median(own.rates), 0),
      unit: '/s',
      peer: beside(({ rates }) => rates, '/s'),
    },
    {
      what: `The same: CPU time for each request`,
      node,
      value: round(median(own.costs), 0),
      unit: 'µs',
      peer: beside(({ costs }) => costs, ' µs'),
    },
  ];
}

/** Milliseconds that the token server takes while the pulls come in. */
const TOKEN_TIME = 50;

/** What many clients that pull one image at once cost the token server. */
async function countTokens(stage: Stage): Promise<Figure[]> {
  const figures: Figure[] = [];
  const upstream = await startRegistry(stage, TOKEN_TIME);
  const count = async (server: RunningServer) => {
    const before = await tokensAsked(upstream);
    await Promise.all(Array.from({ length: PULLS }, () => pull(server, upstream.listening.paths as string[])));
    await server.stop();
    return (await tokensAsked(upstream)) - before;
  };
  const distribution = await startDistribution(stage, backendOf(upstream), upstream.listening.login as Login);
  const peer = distribution ? `distribution ${await count(distribution)}` : 'distribution is not installed';
  for (const runtime of stage.runtimes) {
    figures.push({
      what: `Token requests upstream for ${PULLS} parallel pulls of one image`,
      node: runtime.version,
      value: await count(await startProxy(stage, runtime, upstream)),
      unit: '',
      atMost: 1,
      peer,
    });
  }
  await upstream.stop();
  return figures;
}

async function tokensAsked({ listening }: Server): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${listening.counter}/`);
  return ((await answer.json()) as { tokens: number }).tokens;
}

async function pull({ url }: RunningServer, paths: readonly string[]): Promise<void> {
  for (const [method, path] of [['HEAD', kinds[0].path], ...paths.map((each) => ['GET', each])] as const) {
    const answer = await fetch(url + path, { method, headers: FIELDS });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status}`);
  }
}
