import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { proxyAddress } from './addresses';
import { expectInContainerd, expectInFolder, startContainerd } from './clients';
import type { RealImage } from './images';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { skopeo } from './users';
import { type Daemon, hasClient, jsonLines, type RunningProxy, until, type World } from './world';

/**
 * A near instance with a cache and behind it a far one, both of which export their traces to what reads them by OpenTelemetry's own
 * pdata, and strictly.
 */
const FAR = 'many.example.com';
const COLLECTOR = `${proxyAddress}:4318`;

/** A span as test/e2e/traces prints it. */
interface Span {
  trace: string;
  span: string;
  parent: string;
  name: string;
  kind: 'Server' | 'Client';
  status: 'Unset' | 'Error';
  start: number;
  end: number;
  state: string;
  attributes: Record<string, string | number | boolean>;
  resource: Record<string, string>;
  authorization: string;
}

const withGo = hasClient('traces') ? describe : describe.skip;

withGo('traces, by OpenTelemetry’s own types', () => {
  let scene: Scene;
  let world: World;
  let collector: Daemon;
  let far: RunningProxy;
  let near: RunningProxy;
  const token = randomUUID();
  const caller = { trace: randomBytes(16).toString('hex'), span: randomBytes(8).toString('hex') };
  let spans: Span[];

  beforeAll(async () => {
    scene = await createScene();
    world = scene.world;
    collector = world.daemon('collector', ['traces', COLLECTOR]);
    await until('the collector listens', collector, () => /listening/.test(collector.log()));
    const exported = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${COLLECTOR}`,
      OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer%20${token}`,
    };
    far = await world.startProxy(FAR, {
      REGISTRIES: 'ghcr.io',
      HANDLE_REDIRECT: 'true',
      OTEL_SERVICE_NAME: 'far',
      ...exported,
    });
    near = await world.startProxy('close.example.com', {
      REGISTRY_BACKEND: `https://${FAR}`,
      REGISTRY_NAME: 'docker.io',
      REGISTRIES: JSON.stringify({ 'ghcr.io': { url: `https://${FAR}` } }),
      ALLOW_PRIVATE_ADDRESSES: 'true',
      CACHE: `disk:${join(world.folder, 'near-cache')}`,
      OTEL_SERVICE_NAME: 'near',
      ...exported,
    });
    await pullAll();
    // Whoever stops has exported all that it knows.
    expect([await near.stop(), await far.stop()]).toEqual([0, 0]);
    spans = jsonLines(collector.log()).filter(({ span }) => span) as unknown as Span[];
  }, 180_000);

  afterEach(() => expectNoHarm(scene));

  afterAll(async () => {
    await collector?.stop();
    await endScene(scene, [scene?.follow, near, far].filter(Boolean), [token]);
  });

  async function pullAll() {
    const folder = join(world.folder, 'tmp', 'traced');
    mkdirSync(folder);
    const from = `docker://${near.plain}/docker.io/library/nginx:latest`;
    await world.ok(skopeo('copy', '--all', '--src-tls-verify=false', from, `dir:${folder}`));
    expectInFolder(folder, scene.images.nginx);
    const containerd = await startContainerd(world, 'containerd-traced', {});
    const hosts = containerd.hosts(
      'ghcr.io',
      `server = "https://ghcr.io"\n\n[host."http://${near.plain}"]\n  capabilities = ["pull", "resolve"]\n`,
    );
    const app = 'ghcr.io/owner/app:1';
    await containerd.ok('images', 'pull', '--snapshotter', 'native', ...hosts, app);
    await expectInContainerd(containerd, app, scene.images.app.images[0] as RealImage, scene.images.app.index.digest);
    await containerd.daemon.stop();
    world.modes({ cdn: 'cut' });
    const big = `http://${far.plain}/v2/acme/big/blobs/${scene.images.big.layers[1]?.digest}`;
    await world.ok(['curl', '-sf', '-o', '/dev/null', '-H', `traceparent: 00-${caller.trace}-${caller.span}-01`, big]);
  }

  const of = (service: string, kind: Span['kind']) =>
    spans.filter((span) => span.resource['service.name'] === service && span.kind === kind);
  const childrenOf = (parent: Span) =>
    spans.filter(({ trace, parent: of }) => trace === parent.trace && of === parent.span);

  test('are understood to the last field', () => {
    expect(jsonLines(collector.log()).filter(({ fault }) => fault)).toEqual([]);
    expect(spans.length).toBeGreaterThan(30);
    expect(new Set(spans.map(({ span }) => span)).size).toBe(spans.length);
    expect(new Set(spans.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${token}`]));
  });

  test('are trees: each begins with one request of a client’s', () => {
    const ids = new Set(spans.map(({ span }) => span));
    const roots = spans.filter(({ parent }) => !ids.has(parent));
    const callers = roots.filter(({ trace }) => trace === caller.trace);
    expect(callers.map(({ parent, kind, resource }) => [parent, kind, resource['service.name']])).toEqual([
      [caller.span, 'Server', 'far'],
    ]);
    const others = roots.filter(({ trace }) => trace !== caller.trace);
    expect(others.filter(({ parent, kind }) => parent !== '' || kind !== 'Server')).toEqual([]);
    expect(new Set(roots.map(({ trace }) => trace)).size).toBe(roots.length);
    expect(new Set(spans.map(({ trace }) => trace)).size).toBe(roots.length);
    for (const { start, end } of spans) expect(end).toBeGreaterThanOrEqual(start);
  });

  test.each(['near', 'far'] as const)('have a span for each request of which %s has a line in its log', (service) => {
    // What was no HTTP never was a request.
    const lines = (service === 'near' ? near : far).log().filter(({ msg, path }) => msg === 'request' && path);
    const served = of(service, 'Server');
    const both = (trace: unknown, path: unknown, status: unknown, bytes: unknown) =>
      [trace, path, status, bytes].join(' ');
    expect(served.length).toBeGreaterThan(5);
    expect(
      served
        .map(({ trace, attributes: { 'url.path': path, 'url.query': query, ...rest } }) =>
          both(
            trace,
            query ? `${path}?${query}` : path,
            rest['http.response.status_code'],
            rest['http.response.body.size'],
          ),
        )
        .sort(),
    ).toEqual(lines.map(({ trace, path, status, bytes }) => both(trace, path, status, bytes)).sort());
  });

  test('go on from the near instance to the far one, and from there to registry, token server and storage', () => {
    const first = of('near', 'Server').find(
      ({ attributes }) => attributes['registry.route'] === 'blob' && attributes['registry.cache'] === 'miss',
    ) as Span;
    const [hop] = childrenOf(first).filter(({ name }) => name === 'GET registry') as [Span];
    expect(hop.attributes['server.address']).toBe(FAR);
    const [second] = childrenOf(hop) as [Span];
    expect([second.resource['service.name'], second.kind]).toEqual(['far', 'Server']);
    const purposes = of('far', 'Client').map(({ attributes }) => attributes['registry.purpose']);
    expect(new Set(purposes)).toEqual(new Set(['registry', 'realm', 'hop']));
    const told = world.seen().flatMap(({ headers }) => headers.traceparent ?? []);
    expect(told.length).toBeGreaterThan(5);
    const known = new Set(of('far', 'Client').map(({ trace, span }) => `00-${trace}-${span}-03`));
    const callers = of('far', 'Client').filter(({ trace }) => trace === caller.trace);
    for (const { trace, span } of callers) known.add(`00-${trace}-${span}-01`);
    expect(told.filter((each) => !known.has(String(each)))).toEqual([]);
  });

  test('show a blob that was cut, and what continued it', () => {
    const [cut] = of('far', 'Server').filter(({ trace }) => trace === caller.trace) as [Span];
    expect(cut.attributes['registry.resumed']).toBeGreaterThan(0);
    expect(cut.status).toBe('Unset');
    expect(childrenOf(cut).filter(({ attributes }) => attributes['registry.purpose'] === 'hop').length).toBeGreaterThan(
      1,
    );
  });

  test('hold nothing that opens anything', () => {
    const said = collector.log().replaceAll(`Bearer ${token}`, '');
    expect(said).not.toContain(token);
    expect(said).not.toMatch(/X-Amz|eyJ|Signature=/);
  });
});
