import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type S3Server, startS3 } from '../storage/s3-server';
import { type Ask, ask, open } from '../upstream/client';
import { type SeenSpan, startCollector } from '../upstream/collector';
import { parseChallenge } from '../upstream/docker';
import { type Content, makeImage, payload, sha256 } from '../upstream/image';
import { USERS, until } from '../upstream/scene';
import type { FunctionUrl, Invoked } from './function-url';
import { startInstance } from './instance';
import { MIB, name, type Scene, startScene } from './scene';

// Processes are started, and whole layers carried, by several of these.
jest.setTimeout(60_000);

let scene: Scene;
let lambda: FunctionUrl;

beforeAll(async () => {
  scene = await startScene();
  // What Lambda@Edge would give back of a challenge, the clients here need.
  lambda = await scene.lambda({}, { restoresChallenge: true });
});

afterAll(() => scene?.close());

const large = () => scene.image.layers[0] as Content;
const small = () => scene.image.layers[1] as Content;
const lastOf = ({ invocations }: FunctionUrl) => invocations.at(-1) as Invoked;

async function token(actions: string, login?: string): Promise<{ authorization: string }> {
  const ping = await ask(`${lambda.url}/v2/`);
  const { realm, service } = parseChallenge(ping.header('www-authenticate') ?? '');
  const query = new URLSearchParams({ service, scope: `repository:${name}:${actions}` });
  const headers = login ? { authorization: `Basic ${Buffer.from(login).toString('base64')}` } : {};
  const answer = await ask(`${lambda.url}${new URL(realm).pathname}?${query}`, { headers });
  const { token: granted } = answer.json() as { token: string };
  return { authorization: `Bearer ${granted}` };
}

async function get(path: string, options: Ask = {}, from = lambda) {
  const headers = { ...(await token('pull')), ...options.headers };
  return ask(`${from.url}/v2/${name}/${path}`, { ...options, headers });
}

describe('the packaged function behind its URL', () => {
  it('names the address of the URL in its challenge, by https', async () => {
    const ping = await ask(`${lambda.url}/v2/`);
    expect([ping.status, parseChallenge(ping.header('www-authenticate') ?? '')]).toEqual([
      401,
      { realm: `https://${lambda.host}/token`, service: lambda.host },
    ]);
  });

  it('sends nothing else than WWW-Authenticate where the URL renames it', async () => {
    const bare = await scene.lambda();
    const ping = await ask(`${bare.url}/v2/`);
    expect([ping.status, ping.header('www-authenticate')]).toEqual([401, undefined]);
    expect(ping.header('x-amzn-remapped-www-authenticate')).toContain(`https://${bare.host}/token`);
    await bare.close();
  });

  it('is started by an OS-only runtime as well, which hands over nothing', async () => {
    const bare = await scene.lambda({}, { command: [] });
    expect((await ask(`${bare.url}/-/healthz`)).text).toBe('ok\n');
    await bare.close();
  });

  it('says the length of manifests and blobs, of HEAD too', async () => {
    const accept = scene.image.manifest.type;
    const lengths: (string | undefined)[] = [];
    for (const [method, path] of [
      ['HEAD', 'manifests/v1'],
      ['GET', 'manifests/v1'],
      ['HEAD', `blobs/${large().digest}`],
      ['GET', `blobs/${small().digest}`],
    ] as const) {
      const reply = await get(path, { method, headers: { accept } });
      expect([reply.status, reply.ending]).toEqual([200, 'clean']);
      lengths.push(lastOf(lambda).headers?.['content-length']);
    }
    const { length } = scene.image.manifest.bytes;
    expect(lengths).toEqual([length, length, large().bytes.length, small().bytes.length].map(String));
  });

  it('exports the trace of a request, though it stands still after it', async () => {
    const collector = await startCollector();
    const traced = await scene.lambda({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    expect((await ask(`${traced.url}/v2/`)).status).toBe(401);
    expect(await until(() => collector.server().length === 1)).toBe(true);
    const [span] = collector.server() as [SeenSpan];
    expect(collector.childrenOf(span).map(({ name: called }) => called)).toEqual(['GET registry']);
    await traced.close();
    await collector.stop();
  });

  it('brings an image whole', async () => {
    const manifest = await get('manifests/v1', { headers: { accept: scene.image.manifest.type } });
    expect(sha256(manifest.body)).toBe(scene.image.manifest.digest);
    for (const { digest } of [scene.image.config, ...scene.image.layers]) {
      const blob = await get(`blobs/${digest}`);
      expect([blob.status, blob.ending, sha256(blob.body)]).toEqual([200, 'clean', digest]);
      expect(lastOf(lambda).end).toBe('whole');
    }
  });

  it('answers a range with exactly that range', async () => {
    const part = await get(`blobs/${large().digest}`, { headers: { range: 'bytes=5000000-7000000' } });
    expect([part.status, part.header('content-range')]).toEqual([206, `bytes 5000000-7000000/${12 * MIB}`]);
    expect(part.body.equals(large().bytes.subarray(5_000_000, 7_000_001))).toBe(true);
  });

  it('streams: the client has the first bytes while the CDN holds the last ones back', async () => {
    const headers = await token('pull');
    scene.cdn.fail(/^GET \/blobs/, { kind: 'stall', after: 6 * MIB });
    const { response } = await open(`${lambda.url}/v2/${name}/blobs/${large().digest}`, { headers });
    const parts: Buffer[] = [];
    let isFirst = true;
    for await (const part of response) {
      if (isFirst) expect(lastOf(lambda).end).toBeUndefined();
      isFirst = false;
      parts.push(part as Buffer);
    }
    expect(sha256(Buffer.concat(parts))).toBe(large().digest);
  });

  it('takes no more of a blob than a slow client does', async () => {
    const huge = payload(40 * MIB, 7);
    scene.registry.blobs.set(sha256(huge), huge);
    const headers = await token('pull');
    const { response } = await open(`${lambda.url}/v2/${name}/blobs/${sha256(huge)}`, { headers });
    const slow = lastOf(lambda);
    // Another instance serves others meanwhile, often enough that all of it would have come.
    for (let count = 0; count < 3; count++) expect((await get(`blobs/${large().digest}`)).ending).toBe('clean');
    expect(slow.end).toBeUndefined();
    expect(slow.bytes).toBeLessThan(huge.length);
    let size = 0;
    for await (const part of response) size += (part as Buffer).length;
    expect([size, slow.end]).toEqual([huge.length, 'whole']);
  });

  it('serves each of several requests at once by an instance of its own, and each stands still afterwards', async () => {
    const headers = await token('pull');
    const asked = [1, 2, 3].map(() => ask(`${lambda.url}/v2/${name}/blobs/${large().digest}`, { headers }));
    expect((await Promise.all(asked)).map(({ body }) => sha256(body))).toEqual(Array(3).fill(large().digest));
    expect(lambda.instances.length).toBeGreaterThanOrEqual(3);
    await rest(lambda);
    if (process.platform === 'linux') {
      const states = lambda.instances.map(
        ({ pid }) => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
      );
      expect(new Set(states)).toEqual(new Set(['T']));
    }
    expect(lambda.instances.flatMap(({ api }) => api.faults)).toEqual([]);
  });
});

it("docker's engine is told no digest of a manifest, since it is told no length either", async () => {
  const accept = scene.image.manifest.type;
  const digestFor = async (agent: string, path: string) =>
    (await get(path, { method: 'HEAD', headers: { accept, 'user-agent': agent } })).header('docker-content-digest');
  const engine = 'docker/20.10.24+dfsg1 go/go1.19.8 os/linux arch/amd64 UpstreamClient(Docker-Client/20.10.24)';
  expect(await digestFor(engine, 'manifests/v1')).toBeUndefined();
  expect(await digestFor(engine, `blobs/${small().digest}`)).toBe(small().digest);
  expect(await digestFor('containerd/1.7', 'manifests/v1')).toBe(scene.image.manifest.digest);
});

describe('what goes wrong', () => {
  it('is said in the words of registries', async () => {
    const missing = await get('manifests/none');
    expect([missing.status, missing.json()]).toMatchObject([404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] }]);
    const path = await ask(`${lambda.url}/v2/UPPER/manifests/v1`);
    expect([path.status, path.json()]).toMatchObject([400, { errors: [{ code: 'NAME_INVALID' }] }]);
  });

  it.each(['manifests/a b', 'manifests/%zz', 'manifests/ä', 'manifests/a#b'])(
    'is refused as a path: %s',
    async (path) => {
      const instance = await scene.lambda();
      const { api } = await firstOf(instance);
      const said = await api.invoke(
        'odd',
        JSON.stringify(eventFor(instance.host, `/v2/${name}/${path}`)),
        Date.now() + 20_000,
      );
      if (said.kind !== 'streamed') throw new Error(`expected a streamed answer, not ${said.kind}`);
      let text = '';
      for await (const chunk of said.body) text += chunk;
      said.end(202);
      expect(JSON.parse(text.slice(0, text.indexOf('\0')))).toMatchObject({ statusCode: 400 });
      await instance.close();
    },
  );

  it('is no clean end: a body that breaks off is said to be broken, and the next one comes', async () => {
    scene.cdn.fail(/^GET \/blobs/, { kind: 'cut', after: 5 * MIB });
    scene.cdn.fail(/^GET \/blobs/, { kind: 'status', status: 500 }, 100);
    const broken = await get(`blobs/${large().digest}`);
    expect(broken.ending).toBe('destroyed');
    expect(broken.body.length).toBeLessThan(large().bytes.length);
    expect(lastOf(lambda).end).toBe('Proxy.BrokenOff');
    scene.cdn.mend();
    expect((await get(`blobs/${large().digest}`)).ending).toBe('clean');
  });

  it('is a client that left: the function is not told, goes on, and serves the next one', async () => {
    const headers = await token('pull');
    const { leave } = await open(`${lambda.url}/v2/${name}/blobs/${large().digest}`, { headers });
    const left = lastOf(lambda);
    leave();
    expect(await until(() => left.end !== undefined)).toBe(true);
    expect([left.end, left.bytes]).toEqual(['whole', large().bytes.length]);
    expect((await get(`blobs/${small().digest}`)).status).toBe(200);
  });

  it('is an event that is no request: that invocation fails, the next one does not', async () => {
    const instance = await scene.lambda();
    const { api } = await firstOf(instance);
    for (const event of ['{}', '"text"', 'null', '{"httpMethod":"GET"}', 'no JSON']) {
      const said = await api.invoke('odd', event, Date.now() + 10_000);
      expect(said).toMatchObject({ kind: 'failed', type: 'Proxy.UnknownEvent' });
      await api.waiting();
    }
    await instance.close();
  });

  it('is said of a start too, with every fault', async () => {
    const env = { REGISTRY_BACKEND: 'nonsense://', PROXY_REDIRECT: 'perhaps' };
    const broken = await scene.lambda(env);
    const { setup } = broken;
    const instance = await startInstance(setup);
    await expect(instance.ready()).rejects.toThrow(/ended with 1/);
    expect(instance.api.startFault()).toMatch(/REGISTRY_BACKEND.*PROXY_REDIRECT/);
    expect((await ask(`${broken.url}/v2/`)).status).toBe(502);
  });
});

describe('limits', () => {
  it('of an answer: what is over them is cut, and the next one comes', async () => {
    const tight = await scene.lambda({}, { limits: { response: 8 * MIB } });
    const headers = await token('pull');
    const cut = await ask(`${tight.url}/v2/${name}/blobs/${large().digest}`, { headers });
    expect([cut.ending, lastOf(tight).end]).toEqual(['destroyed', 'Response payload size exceeded']);
    await rest(tight);
    const next = await ask(`${tight.url}/v2/${name}/blobs/${small().digest}`, { headers });
    expect([next.status, tight.instances.length]).toEqual([200, 1]);
    expect(tight.output()).toContain('answer broken off');
    await tight.close();
  });

  it('of time: a transfer that does not end before its function is broken off by the proxy, not by the platform', async () => {
    const brief = await scene.lambda({ STALL_TIMEOUT: '1m', RETRY_TIMEOUT: '2m' }, { limits: { timeout: 6 } });
    const headers = await token('pull');
    await ask(`${brief.url}/v2/`);
    await rest(brief);
    scene.cdn.fail(/^GET \/blobs/, { kind: 'stall', after: 5 * MIB });
    const late = await ask(`${brief.url}/v2/${name}/blobs/${large().digest}`, { headers });
    expect([late.ending, lastOf(brief).end]).toEqual(['destroyed', 'Proxy.BrokenOff']);
    await rest(brief);
    const next = await ask(`${brief.url}/v2/${name}/blobs/${small().digest}`, { headers });
    expect([next.status, brief.instances.length]).toEqual([200, 1]);
    expect(brief.output()).toContain('the time of the function is over');
    await brief.close();
  });

  it('of a request: a layer that the platform takes is pushed, a larger one is refused', async () => {
    const headers = await token('pull,push', `alice:${USERS.alice}`);
    const layer = makeImage([3 * MIB], 'oci', 9).layers[0] as Content;
    const begun = await ask(`${lambda.url}/v2/${name}/blobs/uploads/`, { method: 'POST', headers });
    expect([begun.status, begun.ending]).toEqual([202, 'clean']);
    const there = new URL(begun.header('location') ?? '', `https://${lambda.host}`);
    expect(there.host).toBe(lambda.host);
    const at = `${lambda.url}${there.pathname}${there.search}`;
    const sent = await ask(at, { method: 'PATCH', headers, body: layer.bytes });
    const next = new URL(sent.header('location') ?? '', `https://${lambda.host}`);
    const query = `${next.search ? `${next.search}&` : '?'}digest=${encodeURIComponent(layer.digest)}`;
    const done = await ask(`${lambda.url}${next.pathname}${query}`, { method: 'PUT', headers });
    expect([sent.status, done.status]).toEqual([202, 201]);
    expect(scene.registry.blobs.get(layer.digest)?.equals(layer.bytes)).toBe(true);

    const before = scene.registry.requests.length;
    const byUs = await ask(at, { method: 'PATCH', headers, body: Buffer.alloc(4_600_000) });
    expect([byUs.status, byUs.json()]).toMatchObject([413, { errors: [{ code: 'SIZE_INVALID' }] }]);
    const byLambda = await ask(at, { method: 'PATCH', headers, body: Buffer.alloc(5 * MIB) });
    expect([byLambda.status, scene.registry.requests.length]).toEqual([413, before]);
  });

  it('of nothing: a redirect has a byte of body, without which a URL was seen to hold it open', async () => {
    const passing = await scene.lambda({ HANDLE_REDIRECT: 'false', DELIVERY: 'redirect' });
    const headers = await token('pull');
    const sent = await ask(`${passing.url}/v2/${name}/blobs/${large().digest}`, { headers });
    expect([sent.status, sent.ending]).toEqual([307, 'clean']);
    const blob = await ask(sent.header('location') ?? '');
    expect(sha256(blob.body)).toBe(large().digest);
    await passing.close();
  });
});

describe('behind an HTTP API', () => {
  let gateway: FunctionUrl;
  beforeAll(async () => {
    gateway = await scene.lambda({}, { front: 'http-api' });
  });

  it('the answer is one document, with the challenge and the length as they are', async () => {
    const ping = await ask(`${gateway.url}/v2/`);
    expect(parseChallenge(ping.header('www-authenticate') ?? '').realm).toBe(`https://${gateway.host}/token`);
    const headers = { ...(await token('pull')), accept: scene.image.manifest.type };
    const manifest = await ask(`${gateway.url}/v2/${name}/manifests/v1`, { headers });
    expect([sha256(manifest.body), manifest.header('content-length')]).toEqual([
      scene.image.manifest.digest,
      String(scene.image.manifest.bytes.length),
    ]);
    const blob = await ask(`${gateway.url}/v2/${name}/blobs/${small().digest}`, { headers });
    expect(sha256(blob.body)).toBe(small().digest);
  });

  it('a body over 4.5 MB is refused with what to do', async () => {
    const reply = await ask(`${gateway.url}/v2/${name}/blobs/${large().digest}`, { headers: await token('pull') });
    expect([reply.status, reply.text]).toEqual([502, expect.stringContaining('MAX_RESPONSE=4400k')]);
  });

  it('goes another way where MAX_RESPONSE says what is carried', async () => {
    const told = await scene.lambda({ MAX_RESPONSE: '4400k', DELIVERY: 'auto' }, { front: 'http-api' });
    const reply = await ask(`${told.url}/v2/${name}/blobs/${large().digest}`, { headers: await token('pull') });
    expect([reply.status, reply.ending]).toEqual([307, 'clean']);
    expect(sha256((await ask(reply.header('location') ?? '')).body)).toBe(large().digest);
    await told.close();
  });

  it('a body that breaks off is no answer at all', async () => {
    const four = payload(4 * MIB, 5);
    scene.registry.blobs.set(sha256(four), four);
    scene.cdn.fail(/^GET \/blobs/, { kind: 'cut', after: MIB });
    scene.cdn.fail(/^GET \/blobs/, { kind: 'status', status: 500 }, 100);
    const reply = await ask(`${gateway.url}/v2/${name}/blobs/${sha256(four)}`, { headers: await token('pull') });
    scene.cdn.mend();
    expect([reply.status, lastOf(gateway).end]).toEqual([502, 'Proxy.BrokenOff: the body broke off']);
  });
});

describe('with a bucket, and keys of its role', () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startS3(randomUUID());
  });
  afterAll(() => s3?.stop());

  function withBucket(env: Record<string, string> = {}): Promise<FunctionUrl> {
    const bucket = s3.bucket();
    return scene.lambda({
      DELIVERY: 'offload',
      CACHE: `s3://${bucket.name}/images?endpoint=${s3.url}&region=${bucket.place.region}&pathStyle=true`,
      AWS_ACCESS_KEY_ID: s3.login.id,
      AWS_SECRET_ACCESS_KEY: s3.login.secret,
      AWS_SESSION_TOKEN: s3.login.token ?? '',
      ...env,
    });
  }

  /** To where the redirects lead, those within the function by its real address. */
  async function follow(from: FunctionUrl, path: string): Promise<{ hops: string[]; digest: string }> {
    const headers = await token('pull');
    const hops: string[] = [];
    let reply = await ask(`${from.url}${path}`, { headers });
    while (reply.status === 307 && hops.length < 9) {
      const next = new URL(reply.header('location') ?? '', `https://${from.host}`);
      hops.push(next.host);
      reply =
        next.host === from.host
          ? await ask(`${from.url}${next.pathname}${next.search}`, { headers })
          : await ask(next.href);
    }
    return { hops, digest: sha256(reply.body) };
  }

  const there = () => new URL(s3.url).host;

  it('a large blob is copied there, and fetched there', async () => {
    const copying = await withBucket();
    const path = `/v2/${name}/blobs/${large().digest}`;
    expect(await follow(copying, path)).toEqual({ hops: [there()], digest: large().digest });
    expect(await follow(copying, path)).toEqual({ hops: [there()], digest: large().digest });
    expect(copying.instances).toHaveLength(1);
    await copying.close();
  });

  it('so is one that takes longer than a client waits, by an instance that stands still in between', async () => {
    const copying = await withBucket({ OFFLOAD_WAIT: '400ms' });
    const { delivery } = scene.registry.options;
    Object.assign(scene.registry.options, { delivery: { kind: 'self' }, rate: 4 * MIB });
    const { hops, digest } = await follow(copying, `/v2/${name}/blobs/${large().digest}`);
    Object.assign(scene.registry.options, { delivery, rate: undefined });
    expect(digest).toBe(large().digest);
    expect(hops.length).toBeGreaterThan(1);
    expect(hops.slice(0, -1)).toEqual(hops.slice(0, -1).fill(copying.host));
    expect(hops.at(-1)).toBe(there());
    expect(copying.frozen()).toBeGreaterThan(0);
    expect(s3.accusations).toEqual([]);
    await copying.close();
  });
});

it('nobody heard what the platform told, or what is for others', () => {
  expect([scene.registry, scene.cdn, scene.tokens].flatMap(({ accusations }) => accusations)).toEqual([]);
  const seen = [scene.registry, scene.cdn, scene.tokens].flatMap(({ requests }) =>
    requests.flatMap(({ rawHeaders }) => rawHeaders),
  );
  expect(seen.length).toBeGreaterThan(100);
  expect(seen.filter(([header]) => /^x-amzn-|^x-forwarded-/i.test(header))).toEqual([]);
});

it('every instance ends with 0 when it is told to', async () => {
  const count = lambda.instances.length;
  const output = lambda.output;
  const printed = lambda.instances.map((each) => each.output);
  expect(await lambda.stop()).toEqual(Array(count).fill(0));
  expect(printed.map((text) => /"msg":"stopped"/.test(text()))).toEqual(Array(count).fill(true));
  expect(output()).not.toMatch(/uncaught|unhandled/);
});

/** A client has its answer, or has lost it, before the instance waits for the next event. */
async function rest({ instances }: FunctionUrl): Promise<void> {
  expect(await until(() => instances.every((each) => each.isFrozen()))).toBe(true);
}

/** An instance that waits for an event, and is not used by its URL. */
async function firstOf(lambda: FunctionUrl) {
  const instance = await startInstance(lambda.setup);
  lambda.instances.push(instance);
  await instance.ready();
  return instance;
}

function eventFor(host: string, rawPath: string) {
  return {
    version: '2.0',
    rawPath,
    rawQueryString: '',
    headers: { host },
    requestContext: { domainName: host, http: { method: 'GET', sourceIp: '192.0.2.1' } },
    isBase64Encoded: false,
  };
}
