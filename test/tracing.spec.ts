import { randomBytes, randomUUID } from 'node:crypto';
import { type Instance, runtimes, unless } from './runtimes';
import { ask, basic, begin } from './upstream/client';
import type { Collector, SeenSpan } from './upstream/collector';
import { pull } from './upstream/docker';
import type { Registry } from './upstream/registry';
import { smallImage, stageFor, USERS, until } from './upstream/scene';

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/** A caller's own place in a trace. */
function caller(flags = '01') {
  const traceId = hex(16);
  const spanId = hex(8);
  const traceparent = `00-${traceId}-${spanId}-${flags}`;
  return { traceId, spanId, traceparent, headers: { traceparent, tracestate: 'vendor=opaque' } };
}

describe.each(runtimes)('with the $name runtime, a trace', (runtime) => {
  const stage = stageFor(runtime);
  const url = ({ url: base }: { url: string }, path = 'manifests/v1') => `${base}/v2/team/app/${path}`;
  afterEach(async () => expect(await stage.close()).toEqual([]));

  const logged = (proxy: Instance) => proxy.logs().filter(({ msg }) => msg === 'request');
  const fieldsAt = ({ requests }: { requests: Registry['requests'] }) =>
    requests.map(({ rawHeaders }) => rawHeaders.filter(([name]) => /^trace(parent|state)$/i.test(name)).sort());

  describe('that nobody keeps here', () => {
    test('is handed on as it came: to the registry, its token server and where it redirects to', async () => {
      const tokens = await stage.tokens();
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn };
      const image = smallImage(registry);
      const env = { HANDLE_REDIRECT: 'true', REGISTRIES: 'other.test=http://127.0.0.1:9' };
      const proxy = await stage.proxy(registry, env);
      const { headers, traceparent, traceId } = caller('03');
      const reply = await ask(url(proxy, `blobs/${image.layers[0]?.digest}`), { headers });
      expect(reply.status).toBe(200);
      const both = [
        ['traceparent', traceparent],
        ['tracestate', 'vendor=opaque'],
      ];
      expect(fieldsAt(registry)).toEqual([both, both]);
      // Whom the registry names itself is told nothing of what tracing systems say to each other.
      expect(fieldsAt(tokens)).toEqual([[['traceparent', traceparent]]]);
      expect(fieldsAt(cdn)).toEqual([[['traceparent', traceparent]]]);
      expect(await until(() => logged(proxy).length === 1)).toBe(true);
      expect(logged(proxy)[0]).toMatchObject({ trace: traceId });
    });

    test.each([
      ['is no traceparent', { traceparent: `00-${hex(16)}-${hex(8)}`, tracestate: 'a=1' }],
      ['has no ids', { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, tracestate: 'a=1' }],
      ['has a tracestate and nothing else', { tracestate: 'a=1' }],
    ])('goes nowhere where it %s', async (_, headers) => {
      const registry = await stage.registry();
      smallImage(registry);
      const proxy = await stage.proxy(registry);
      expect((await ask(url(proxy), { headers })).status).toBe(200);
      expect(fieldsAt(registry)).toEqual([[]]);
      expect(await until(() => logged(proxy).length === 1)).toBe(true);
      expect(logged(proxy)[0]?.trace).toBeUndefined();
    });

    test('is not there where the caller has none', async () => {
      const registry = await stage.registry();
      smallImage(registry);
      const proxy = await stage.proxy(registry);
      await ask(url(proxy));
      expect(fieldsAt(registry)).toEqual([[]]);
    });
  });

  describe('with a collector', () => {
    async function scene(env: Record<string, string> = {}, options: Parameters<typeof stage.registry>[0] = {}) {
      const collector = await stage.collector();
      const registry = await stage.registry(options);
      const image = smallImage(registry);
      const proxy = await stage.proxy(registry, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env });
      return { collector, registry, image, proxy };
    }

    /** A process exports the last ones when it stops, an isolate when the request is over. */
    async function exported(proxy: Instance, collector: Collector, count: number): Promise<SeenSpan[]> {
      if (runtime.name === 'Node') await proxy.stop();
      expect([count, await until(() => collector.server().length >= count)]).toEqual([count, true]);
      expect(collector.server().length).toBe(count);
      return collector.server();
    }

    /** The registry saw that each of its requests is a child of this one. */
    const parentsAt = ({ requests }: { requests: Registry['requests'] }) =>
      requests.map((each) => each.header('traceparent')?.split('-'));

    test('has a span for the request, and one for each request to an upstream', async () => {
      const tokens = await stage.tokens();
      const { collector, registry, image, proxy } = await scene(
        { HANDLE_REDIRECT: 'true', OTEL_SERVICE_NAME: 'near', REGISTRIES: 'other.test=http://127.0.0.1:9' },
        { auth: { kind: 'bearer', tokens } },
      );
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn };
      const digest = String(image.layers[0]?.digest);
      await ask(url(proxy, `blobs/${digest}`), { headers: { host: 'proxy.example:5000' } });
      const [span] = (await exported(proxy, collector, 1)) as [SeenSpan];
      expect(span).toMatchObject({
        name: 'GET /v2/<name>/blobs/<digest>',
        attributes: {
          'http.request.method': 'GET',
          'http.route': '/v2/<name>/blobs/<digest>',
          'http.response.status_code': 200,
          'http.response.body.size': 70_000,
          'url.scheme': 'http',
          'url.path': `/v2/team/app/blobs/${digest}`,
          'client.address': '127.0.0.1',
          'registry.route': 'blob',
          'registry.repository': 'team/app',
          'registry.reference': digest,
          'registry.resumed': 0,
        },
        resource: { 'service.name': 'near' },
      });
      expect([span.parentSpanId, span.status]).toEqual([undefined, undefined]);
      if (runtime.name === 'Node') {
        expect(span.attributes).toMatchObject({ 'server.address': 'proxy.example', 'server.port': 5000 });
      }
      const children = collector.childrenOf(span);
      expect(collector.spans).toHaveLength(1 + children.length);
      expect(
        children.map(({ kind, name, attributes, status }) => [
          kind,
          name,
          attributes['http.response.status_code'],
          attributes['http.request.resend_count'],
          status,
        ]),
      ).toEqual([
        ['client', 'GET registry', 401, undefined, undefined],
        ['client', 'GET realm', 200, undefined, undefined],
        ['client', 'GET registry', 307, 1, undefined],
        ['client', 'GET hop', 200, 2, undefined],
      ]);
      for (const { start, end } of children) {
        expect([start >= span.start, end >= start, end <= span.end]).toEqual([true, true, true]);
      }
      const ids = [...parentsAt(registry), ...parentsAt(tokens), ...parentsAt(cdn)];
      expect(new Set(ids.map((each) => each?.[1]))).toEqual(new Set([span.traceId]));
      expect(new Set(ids.map((each) => each?.[2]))).toEqual(new Set(children.map(({ spanId }) => spanId)));
      expect(logged(proxy)[0]).toMatchObject({ trace: span.traceId });
    });

    test('goes on where its caller was', async () => {
      const { collector, registry, proxy } = await scene();
      const { traceId, spanId, headers } = caller();
      await ask(url(proxy), { headers });
      const [span] = (await exported(proxy, collector, 1)) as [SeenSpan];
      expect(span).toMatchObject({ traceId, parentSpanId: spanId, traceState: 'vendor=opaque', flags: 0x301 });
      const [child] = collector.childrenOf(span) as [SeenSpan];
      expect(child.flags).toBe(0x101);
      expect(fieldsAt(registry)).toEqual([
        [
          ['traceparent', `00-${traceId}-${child.spanId}-01`],
          ['tracestate', 'vendor=opaque'],
        ],
      ]);
    });

    test('is not kept where its caller keeps none, and handed on', async () => {
      const { collector, registry, proxy } = await scene();
      const { traceparent, headers } = caller('00');
      await ask(url(proxy), { headers });
      expect(parentsAt(registry)).toEqual([traceparent.split('-')]);
      await ask(url(proxy), { headers: caller().headers });
      await exported(proxy, collector, 1);
    });

    test('that begins here is kept as often as the ratio says, and the next ones are told', async () => {
      const { collector, registry, proxy } = await scene({ OTEL_TRACES_SAMPLER_ARG: '0' });
      await ask(url(proxy));
      expect(parentsAt(registry).map((each) => each?.[3])).toEqual(['02']);
      await ask(url(proxy), { headers: caller().headers });
      const [span] = await exported(proxy, collector, 1);
      expect(span?.parentSpanId).toBeDefined();
    });

    test('is of no interest where somebody looks whether the proxy is alive', async () => {
      const { collector, proxy } = await scene();
      await ask(`${proxy.url}/-/healthz`);
      await ask(url(proxy));
      await exported(proxy, collector, 1);
    });

    test('of a request that is refused says so', async () => {
      const { collector, proxy } = await scene();
      await ask(`${proxy.url}/v2/team/app/manifests/none`);
      await ask(`${proxy.url}/v2/UPPER/manifests/v1`);
      const spans = await exported(proxy, collector, 2);
      expect(spans.map(({ attributes, status }) => [attributes['http.response.status_code'], status])).toEqual([
        [404, undefined],
        [400, undefined],
      ]);
      const [child] = collector.childrenOf(spans[0] as SeenSpan);
      expect(child).toMatchObject({ attributes: { 'error.type': '404' }, status: { code: 2 } });
    });

    test('of a registry that fails has each try, and what came of them', async () => {
      const { collector, registry, proxy } = await scene({ RETRY_TIMEOUT: '10s' });
      registry.fail(/manifests/, { kind: 'status', status: 503 }, 1);
      registry.fail(/manifests/, { kind: 'refuse' }, 1);
      expect((await ask(url(proxy))).status).toBe(200);
      const [span] = (await exported(proxy, collector, 1)) as [SeenSpan];
      const children = collector.childrenOf(span);
      expect(children.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([undefined, 1, 2]);
      expect(children.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([503, undefined, 200]);
      expect(children.map(({ status }) => status?.code)).toEqual([2, 2, undefined]);
      expect(children[1]?.attributes['error.type']).toBe('reset');
    });

    test('of a registry that cannot be had is an error', async () => {
      const { collector, registry, proxy } = await scene({ RETRY_TIMEOUT: '1ms' });
      registry.fail(/manifests/, { kind: 'refuse' }, 9);
      expect((await ask(url(proxy))).status).toBe(502);
      const [span] = await exported(proxy, collector, 1);
      expect(span).toMatchObject({ attributes: { 'error.type': '502' }, status: { code: 2 } });
    });

    test('of a blob that is cut has what continued it', async () => {
      const { collector, registry, image, proxy } = await scene();
      registry.fail(/blobs/, { kind: 'cut', after: 30_000 });
      const reply = await ask(url(proxy, `blobs/${image.layers[0]?.digest}`));
      expect(reply.body.equals(image.layers[0]?.bytes as Buffer)).toBe(true);
      const [span] = (await exported(proxy, collector, 1)) as [SeenSpan];
      expect(span.attributes).toMatchObject({ 'registry.resumed': 1, 'http.response.body.size': 70_000 });
      const children = collector.childrenOf(span);
      // What asks for other bytes is not the same again.
      expect(children.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([undefined, undefined]);
      expect(parentsAt(registry).map((each) => each?.[2])).toEqual(children.map(({ spanId }) => spanId));
    });

    unless(runtime, 'departures')('of a client that leaves is no error of ours', async () => {
      const { collector, registry, proxy } = await scene({ RESPONSE_TIMEOUT: '30s' });
      registry.fail(/blobs/, { kind: 'silence' });
      const client = begin(url(proxy, `blobs/sha256:${'0'.repeat(64)}`));
      expect(await until(() => registry.requests.length === 1)).toBe(true);
      client.leave();
      expect(await until(() => logged(proxy).length === 1)).toBe(true);
      const [span] = (await exported(proxy, collector, 1)) as [SeenSpan];
      expect(span.attributes).toMatchObject({ 'registry.client_left': true, 'registry.route': 'blob' });
      expect([span.status, span.attributes['http.response.status_code']]).toEqual([undefined, undefined]);
      expect(await until(() => collector.childrenOf(span).length === 1)).toBe(true);
    });

    test('that goes through two instances is one', async () => {
      const { collector, registry, proxy: far } = await scene({ OTEL_SERVICE_NAME: 'far' });
      const near = await stage.proxy(far.url, {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_SERVICE_NAME: 'near',
      });
      expect((await ask(url(near))).status).toBe(200);
      expect(registry.requests).toHaveLength(1);
      if (runtime.name === 'Node') await near.stop();
      await exported(far, collector, 2);
      const [first] = collector.server().filter(({ resource }) => resource['service.name'] === 'near') as [SeenSpan];
      const [hop] = collector.childrenOf(first) as [SeenSpan];
      const [second] = collector.childrenOf(hop) as [SeenSpan];
      expect([second.resource['service.name'], second.kind]).toEqual(['far', 'server']);
      expect(collector.childrenOf(second)).toHaveLength(1);
    });

    test('has what the cache did, and a request to nobody where it had all', async () => {
      const { collector, image, proxy } = await scene({ CACHE: 'memory' });
      const path = url(proxy, `manifests/${image.manifest.digest}`);
      for (const _ of [1, 2]) expect((await ask(path)).status).toBe(200);
      const spans = await exported(proxy, collector, 2);
      expect(spans.map(({ attributes }) => attributes['registry.cache'])).toEqual(['miss', 'hit']);
      expect(collector.childrenOf(spans[1] as SeenSpan)).toEqual([]);
    });

    test('holds no secret', async () => {
      const token = randomUUID();
      const secret = randomUUID();
      const password = randomUUID();
      const tokens = await stage.tokens({ users: { robot: password } });
      const { collector, registry, image, proxy } = await scene(
        {
          HANDLE_REDIRECT: 'true',
          ACCESS_SECRET: secret,
          REGISTRY_USERNAME: 'robot',
          REGISTRY_PASSWORD: password,
          OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${token},x-tenant=${token.slice(1)}`,
        },
        { auth: { kind: 'bearer', tokens } },
      );
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn };
      const headers = { authorization: basic('alice', USERS.alice), cookie: `session=${token}` };
      const digest = image.layers[0]?.digest;
      for (const path of [
        `/${secret}/v2/team/app/blobs/${digest}?token=${password}`,
        `/v2/${secret}/team/app/manifests/v1`,
        `/v2/team/app/manifests/v1?scope=${secret}`,
        `/${secret}/v2/team/app/blobs/uploads/${password}`,
        `/token?service=x&scope=repository:${secret}/a:pull&password=${password}`,
      ]) {
        await ask(proxy.url + path, { headers });
      }
      const spans = await exported(proxy, collector, 5);
      expect(spans[0]?.attributes['http.response.status_code']).toBe(200);
      const all = collector.everything();
      expect(all.match(new RegExp(token, 'g'))).toHaveLength(collector.requests.length);
      const spoken = all.replaceAll(`Bearer ${token}`, '').replaceAll(token.slice(1), '');
      const given = [...registry.requests, ...tokens.requests].flatMap((each) => each.header('authorization') ?? []);
      const signatures = cdn.requests.map(({ query }) => query.get('X-Amz-Signature') as string);
      expect([given.length > 0, signatures.length]).toEqual([true, 1]);
      const logins = [USERS.alice, password, secret, headers.authorization, ...given, ...signatures];
      for (const each of logins) expect(spoken).not.toContain(each.replace(/^\w+ /, ''));
      expect(spoken).not.toMatch(/X-Amz|session=/);
      expect(JSON.stringify(proxy.logs())).not.toContain(token);
    });

    test('is nothing that a pull waits for, or fails by, where the collector does not answer', async () => {
      const { collector, registry, proxy } = await scene({ RESPONSE_TIMEOUT: '20s' });
      collector.fail(/./, { kind: 'silence' }, 100);
      for (const _ of [1, 2, 3]) await pull({ base: proxy.url }, 'team/app', 'v1');
      expect(registry.requests.length).toBeGreaterThan(5);
    });

    test('that the collector refuses is said once', async () => {
      const { collector, proxy } = await scene();
      collector.fail(/./, { kind: 'status', status: 401 }, 100);
      for (const _ of [1, 2, 3]) await ask(url(proxy));
      if (runtime.name === 'Node') await proxy.stop();
      const said = () => proxy.logs().filter(({ msg }) => msg === 'traces cannot be exported');
      expect(await until(() => said().length > 0)).toBe(true);
      expect(said()).toMatchObject([{ level: 'warn', why: 'the collector answers 401' }]);
    });

    test('below the path of a collector', async () => {
      const collector = await stage.collector('/otlp');
      const registry = await stage.registry();
      const proxy = await stage.proxy(registry, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
      await ask(`${proxy.url}/v2/`);
      await exported(proxy, collector, 1);
    });
  });
});
