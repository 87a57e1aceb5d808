import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, ask, open, type Reply } from '../upstream/client';
import { parseChallenge } from '../upstream/docker';
import { type Content, makeImage, sha256 } from '../upstream/image';
import { type Gateway, MAX_TARGET_BYTES } from './gateway';
import { MIB, type Scene, startScene, users } from './scene';

const name = 'team/app';
let scene: Scene;
let gateway: Gateway;

beforeAll(async () => {
  scene = await startScene({ STALL_TIMEOUT: '1500ms' });
  gateway = await scene.gateway({ pid: scene.instance.pid });
});

afterAll(() => scene?.close());

/** What a client would reach by the public name; the name itself leads nowhere here. */
function at(url: string): string {
  const public_ = `https://${gateway.host}`;
  if (!url.startsWith(`${public_}/`)) throw new Error(`${url} is not on ${public_}`);
  return gateway.url + url.slice(public_.length);
}

const toV2 = (path: string, options: Ask = {}) => ask(`${gateway.url}/v2/${path}`, options);

async function token(actions: string, login?: string): Promise<{ authorization: string }> {
  const ping = await toV2('');
  const { realm, service } = parseChallenge(ping.header('www-authenticate') ?? '');
  const query = new URLSearchParams({ service, scope: `repository:${name}:${actions}` });
  const headers = login ? { authorization: `Basic ${Buffer.from(login).toString('base64')}` } : {};
  const answer = await ask(`${at(realm)}?${query}`, { headers });
  const { token: granted } = answer.json() as { token: string };
  return { authorization: `Bearer ${granted}` };
}

async function pull(): Promise<void> {
  const headers = await token('pull');
  const accept = scene.image.manifest.type;
  const found = await toV2(`${name}/manifests/v1`, { method: 'HEAD', headers: { ...headers, accept } });
  expect([found.status, found.header('docker-content-digest')]).toEqual([200, scene.image.manifest.digest]);
  const listed = await toV2(`${name}/manifests/${scene.image.manifest.digest}`, { headers: { ...headers, accept } });
  expect(sha256(listed.body)).toBe(scene.image.manifest.digest);
  for (const { digest } of [scene.image.config, ...scene.image.layers]) {
    const blob = await toV2(`${name}/blobs/${digest}`, { headers });
    expect([blob.status, blob.ending, sha256(blob.body)]).toEqual([200, 'clean', digest]);
  }
}

describe('the packaged bundle behind the gateway of Function Compute', () => {
  const large = () => scene.image.layers[0] as Content;
  const small = () => scene.image.layers[1] as Content;

  it('passes its health check and both hooks', async () => {
    expect(await gateway.healthCheck(scene.props.customRuntimeConfig.healthCheckConfig.httpGetUrl)).toBe(200);
    expect(await gateway.initialize()).toBe(200);
  });

  it('names the public address in every challenge', async () => {
    const ping = await toV2('');
    expect(ping.status).toBe(401);
    expect(parseChallenge(ping.header('www-authenticate') ?? '')).toMatchObject({
      realm: `https://${gateway.host}/token`,
      service: gateway.host,
    });
    const head = await toV2(`${name}/manifests/v1`, { method: 'HEAD' });
    expect([head.status, parseChallenge(head.header('www-authenticate') ?? '')]).toEqual([
      401,
      { realm: `https://${gateway.host}/token`, service: gateway.host, scope: `repository:${name}:pull` },
    ]);
  });

  it('brings an image whole', pull);

  it('sends large blobs chunked, so that FC streams them, and everything small with its length', async () => {
    const headers = await token('pull');
    const before = gateway.answers.length;
    await toV2(`${name}/manifests/v1`, { headers: { ...headers, accept: scene.image.manifest.type } });
    await toV2(`${name}/blobs/${small().digest}`, { headers });
    await toV2(`${name}/blobs/${large().digest}`, { headers });
    const framing = gateway.answers
      .slice(before)
      .map(({ streamed, headers: sent }) => [streamed, sent['content-length'], sent['transfer-encoding']]);
    expect(framing).toEqual([
      [false, String(scene.image.manifest.bytes.length), undefined],
      [false, String(small().bytes.length), undefined],
      [true, undefined, 'chunked'],
    ]);
  });

  it('tells the length of every HEAD', async () => {
    const headers = await token('pull');
    const lengths = [];
    for (const path of [`manifests/v1`, `blobs/${small().digest}`, `blobs/${large().digest}`]) {
      const head = await toV2(`${name}/${path}`, {
        method: 'HEAD',
        headers: { ...headers, accept: scene.image.manifest.type },
      });
      lengths.push(head.header('content-length'));
    }
    expect(lengths).toEqual([scene.image.manifest, small(), large()].map(({ bytes }) => String(bytes.length)));
  });

  it('answers a range of a large blob with exactly that range', async () => {
    const headers = { ...(await token('pull')), range: 'bytes=5000000-15000000' };
    const part = await toV2(`${name}/blobs/${large().digest}`, { headers });
    expect([part.status, part.header('content-range')]).toEqual([206, `bytes 5000000-15000000/${20 * MIB}`]);
    expect(part.body.equals(large().bytes.subarray(5_000_000, 15_000_001))).toBe(true);
  });

  it('streams: the first bytes are there while the CDN still holds the last ones back, and the stall is healed', async () => {
    const headers = await token('pull');
    scene.cdn.fail(/^GET \/blobs/, { kind: 'stall', after: 10 * MIB });
    const { response } = await open(`${gateway.url}/v2/${name}/blobs/${large().digest}`, { headers });
    const started = Date.now();
    const parts: Buffer[] = [];
    let first: number | undefined;
    for await (const part of response) {
      first ??= Date.now() - started;
      parts.push(part as Buffer);
    }
    expect(first).toBeLessThan(1000);
    expect(Date.now() - started).toBeGreaterThan(1400);
    expect(sha256(Buffer.concat(parts))).toBe(large().digest);
  });

  it('leaves the hooks to the platform: from outside they are not there', async () => {
    const headers = { 'x-fc-control-path': '/initialize' };
    const answers = [
      await ask(`${gateway.url}/initialize`, { method: 'POST' }),
      await ask(`${gateway.url}/initialize`, { method: 'POST', headers }),
      await ask(`${gateway.url}/pre-stop`),
      await ask(`${gateway.url}/pre-stop`, { headers: { 'x-fc-control-path': '/pre-stop' } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });

  it('takes a bearer token of 6 KB, and answers below 8 KB whatever the registry adds', async () => {
    const long = await toV2(`${name}/manifests/v1`, { headers: { authorization: `Bearer ${'a'.repeat(6000)}` } });
    expect(long.status).toBe(401);
    scene.registry.answer(
      /tags\/list$/,
      200,
      { 'set-cookie': `a=${'c'.repeat(5000)}`, 'x-junk': 'j'.repeat(5000) },
      '{"tags":[]}',
    );
    const listed = await toV2(`${name}/tags/list`, { headers: await token('pull') });
    expect([listed.status, listed.text]).toEqual([200, '{"tags":[]}']);
  });

  it('takes a push whose layer has up to 32 MB', async () => {
    const headers = await token('pull,push', `alice:${users.alice}`);
    const layer = makeImage([5 * MIB], 'oci', 9).layers[0] as Content;
    const step = async (previous: Reply, method: string, query: string, body?: Buffer) => {
      const url = at(new URL(previous.header('location') ?? '', `https://${gateway.host}`).href);
      return ask(query ? `${url}${url.includes('?') ? '&' : '?'}${query}` : url, { method, headers, body: body ?? '' });
    };
    const begun = await toV2(`${name}/blobs/uploads/`, { method: 'POST', headers });
    const sent = await step(begun, 'PATCH', '', layer.bytes);
    const done = await step(sent, 'PUT', `digest=${encodeURIComponent(layer.digest)}`);
    expect([begun.status, sent.status, done.status]).toEqual([202, 202, 201]);
    expect(scene.registry.blobs.get(layer.digest)?.equals(layer.bytes)).toBe(true);

    const before = scene.registry.requests.length;
    const refused = await step(begun, 'PATCH', '', Buffer.alloc(33 * MIB));
    expect([refused.status, scene.registry.requests.length]).toEqual([400, before]);
  });

  it('hands out no upload address that FC would refuse once the digest is added', async () => {
    const headers = await token('pull,push', `alice:${users.alice}`);
    const hosts: string[] = [];
    for (const size of [3000, 3980, 4030, 4080, 6000]) {
      const location = `/v2/${name}/blobs/uploads/some-id?_state=${'s'.repeat(size)}`;
      scene.registry.answer(new RegExp(`POST .*/uploads/\\?size=${size}$`), 202, { location });
      const begun = await toV2(`${name}/blobs/uploads/?size=${size}`, { method: 'POST', headers });
      const next = new URL(begun.header('location') ?? '', `https://${gateway.host}`);
      const target = `${next.pathname}${next.search}&digest=sha256%3A${'0'.repeat(64)}`;
      if (next.host === gateway.host) expect(target.length).toBeLessThanOrEqual(MAX_TARGET_BYTES);
      hosts.push(next.host);
    }
    expect([hosts[0], hosts[4]]).toEqual([gateway.host, scene.wire.authority]);
  });

  it('keeps an idle connection for 15 minutes or without end, as FC wants it; 7 s are waited for here', async () => {
    await toV2('');
    const [, announced] = /timeout=(\d+)/.exec(String(gateway.answers.at(-1)?.headers['keep-alive'])) ?? [];
    expect(Number(announced ?? Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(900);
    const { connections, retries } = gateway.counts;
    await sleep(7000);
    await toV2('');
    expect(gateway.counts).toMatchObject({ connections, retries });
  });

  it('pulls again after it was frozen and its upstream connections have died meanwhile', async () => {
    const { frozen, retries } = gateway.counts;
    for (let round = 0; round < 2; round++) {
      await pull();
      scene.wire.cut();
      await sleep(300);
    }
    await pull();
    expect(gateway.counts.frozen).toBeGreaterThan(frozen + 2);
    expect(gateway.counts.retries).toBe(retries);
  });

  it('goes on after the hook that FC calls before it freezes or ends an instance', async () => {
    expect(await gateway.preStop()).toBe(200);
    await pull();
  });

  it('tells nobody what the platform told it', () => {
    expect([scene.registry, scene.cdn, scene.tokens].flatMap(({ accusations }) => accusations)).toEqual([]);
    const seen = [scene.registry, scene.cdn, scene.tokens].flatMap(({ requests }) =>
      requests.flatMap(({ rawHeaders }) => rawHeaders),
    );
    expect(seen.length).toBeGreaterThan(100);
    expect(seen.filter(([header]) => /^x-fc-|^x-forwarded-/i.test(header))).toEqual([]);
    const told = JSON.stringify(seen) + scene.instance.output();
    for (const secret of gateway.secrets) expect(told).not.toContain(secret);
  });

  it('ends with 0 when it is told to', async () => {
    expect(await scene.instance.stop()).toBe(0);
  });
});
