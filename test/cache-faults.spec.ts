import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeOnly } from './runtimes';
import { type Bucket, type S3Server, startS3 } from './storage/s3-server';
import { ask, begin, open, type Reply } from './upstream/client';
import { pull } from './upstream/docker';
import { contentOf, payload } from './upstream/image';
import { type Exchange, type Fault, listen, type Upstream } from './upstream/listen';
import { smallImage, stageFor, until } from './upstream/scene';

const MIB = 1024 * 1024;
const TYPE = 'application/vnd.oci.image.manifest.v1+json';
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** What a client has that was cut before it had anything. */
const CUT = { ending: 'destroyed', body: Buffer.alloc(0) } as Reply;

const said = (reply: Reply) => reply.header('cache-status');

describe.each(nodeOnly)('with the $name runtime, a cache', (runtime) => {
  const stage = stageFor(runtime);
  const others: Upstream[] = [];
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cache-'));
  });

  afterEach(async () => {
    const accusations = [...(await stage.close()), ...others.flatMap((each) => each.accusations)];
    await Promise.all(others.splice(0).map((each) => each.stop()));
    rmSync(folder, { recursive: true, force: true });
    expect(accusations).toEqual([]);
  });

  const disk = () => ({ HANDLE_REDIRECT: 'true', CACHE: `disk:${folder}` });

  /** A bucket, and what names it. */
  async function bucket(): Promise<{ s3: S3Server; bucket: Bucket; env: Record<string, string> }> {
    const s3 = await startS3();
    others.push(s3);
    const made = s3.bucket();
    const place = `s3://${made.name}?endpoint=${s3.url}&region=${made.place.region}&pathStyle=true`;
    return {
      s3,
      bucket: made,
      env: {
        HANDLE_REDIRECT: 'true',
        CACHE: place,
        AWS_ACCESS_KEY_ID: s3.login.id,
        AWS_SECRET_ACCESS_KEY: s3.login.secret,
      },
    };
  }

  /** An upstream that does what a test says. */
  async function scripted(handle: (exchange: Exchange, count: number) => void | Promise<void>): Promise<Upstream> {
    let count = 0;
    const upstream = await listen('scripted', (exchange) => handle(exchange, count++));
    others.push(upstream);
    return upstream;
  }

  const isStored = (digest: string, bytes: Buffer) => {
    try {
      return readFileSync(join(folder, 'blobs/sha256', digest.slice('sha256:'.length))).equals(bytes);
    } catch {
      return false;
    }
  };

  const flipped = (bytes: Buffer, at: number) => {
    const wrong = Buffer.from(bytes);
    wrong[at] = (wrong[at] as number) ^ 1;
    return wrong;
  };

  const answer = (res: ServerResponse, length: number, body: Buffer | string | (Buffer | string)[]) => {
    res.writeHead(200, { 'content-length': length });
    res.end(Array.isArray(body) ? Buffer.concat(body.map((each) => Buffer.from(each as string))) : body);
  };

  const blobOf = (bytes: Buffer) => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    return { digest, path: `/v2/team/app/blobs/${digest}` };
  };

  describe('where the first client', () => {
    test('leaves while the store is looked into, serves the next one', async () => {
      const { s3, env } = await bucket();
      const registry = await stage.registry();
      const [layer] = smallImage(registry).layers;
      const proxy = await stage.proxy(registry, env);
      const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
      s3.fail(/HEAD .*/, { kind: 'slow-head', ms: 300 });
      const client = begin(url);
      expect(await until(() => s3.requests.some(({ method }) => method === 'HEAD'))).toBe(true);
      client.leave();
      await pause(500);
      expect((await ask(url)).body.equals(layer.bytes)).toBe(true);
    });

    test('leaves while the registry is silent, serves those who waited for it', async () => {
      const registry = await stage.registry();
      const [layer] = smallImage(registry).layers;
      const proxy = await stage.proxy(registry, disk());
      const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
      registry.fail(/GET/, { kind: 'silence' });
      const client = begin(url);
      expect(await until(() => registry.requests.length === 1)).toBe(true);
      const others = [ask(url), ask(url), ask(url)];
      await pause(50);
      client.leave();
      for (const reply of await Promise.all(others)) expect(reply.body.equals(layer.bytes)).toBe(true);
    });

    test('may not have it, serves those who may', async () => {
      const registry = await stage.registry();
      const [layer] = smallImage(registry).layers;
      const proxy = await stage.proxy(registry, disk());
      const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
      registry.fail(/GET/, { kind: 'status', status: 401 });
      const replies = await Promise.all([ask(url), ask(url), ask(url)]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 401]);
    });

    test('reads what cannot be kept as slowly as it likes, serves the next one', async () => {
      const bytes = payload(12 * MIB);
      const { path } = blobOf(bytes);
      // Without a length, nothing tells how much there is to keep.
      const upstream = await scripted(({ res }) => void res.writeHead(200).end(bytes));
      const proxy = await stage.proxy(upstream.url, disk());
      const slow = await open(`${proxy.url}${path}`);
      slow.response.pause();
      expect((await ask(`${proxy.url}${path}`)).body.equals(bytes)).toBe(true);
      slow.leave();
    });
  });

  describe('where the registry', () => {
    test.each([
      ['shorter', 300_000],
      ['longer', 3 * MIB],
    ])('says another length to the second client, a %s one, ends nothing wrong', async (_, other) => {
      const bytes = payload(2 * MIB);
      const { path } = blobOf(bytes);
      const held: ServerResponse[] = [];
      const upstream = await scripted(async ({ res }, count) => {
        held.push(res);
        if (count === 0) return;
        held[0]?.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, MIB));
        await pause(100);
        res.writeHead(200, { 'content-length': other }).end(payload(other, 5));
        await pause(100);
        held[0]?.end(bytes.subarray(MIB));
      });
      const proxy = await stage.proxy(upstream.url, { ...disk(), STALL_TIMEOUT: '5s' });
      // What names a range nobody waits for, so both of these ask for themselves.
      const [url, headers] = [`${proxy.url}${path}`, { range: 'bytes=x' }];
      const first = ask(url, { headers });
      expect(await until(() => held.length === 1)).toBe(true);
      const second = ask(url, { headers });
      expect((await first).body.equals(bytes)).toBe(true);
      const reply = await second;
      expect(reply.ending === 'clean' ? reply.body.equals(bytes) : true).toBe(true);
    });

    test('answers with nothing at all, a blob that has bytes does not end', async () => {
      const { path } = blobOf(Buffer.from('something'));
      const upstream = await scripted(({ res }) => void res.writeHead(200, { 'content-length': 0 }).end());
      const proxy = await stage.proxy(upstream.url, disk());
      expect((await ask(`${proxy.url}${path}`)).status).toBe(502);
    });

    test('has an empty blob, gives it twice', async () => {
      const { path } = blobOf(Buffer.alloc(0));
      const upstream = await scripted(({ res }) => void res.writeHead(200, { 'content-length': 0 }).end());
      const proxy = await stage.proxy(upstream.url, disk());
      const url = `${proxy.url}${path}`;
      const first = await ask(url);
      expect(await until(() => proxy.logs().some((line) => JSON.stringify(line).includes('miss')))).toBe(true);
      const second = await ask(url);
      expect([first, second].map(({ status, ending, body }) => [status, ending, body.length])).toEqual([
        [200, 'clean', 0],
        [200, 'clean', 0],
      ]);
      expect(upstream.requests).toHaveLength(1);
    });

    test.each([10, 5000])('says of a tag that it has %d bytes, all of the manifest comes', async (length) => {
      const { digest, bytes } = contentOf(TYPE, Buffer.from(JSON.stringify({ a: 'b'.repeat(200) })));
      const upstream = await scripted(({ res, seen }) => {
        const isTag = seen.path.endsWith('v1') && seen.method === 'HEAD';
        const head = { 'content-type': TYPE, 'docker-content-digest': digest };
        res.writeHead(200, { ...head, 'content-length': isTag ? length : bytes.length });
        res.end(seen.method === 'HEAD' ? undefined : bytes);
      });
      const proxy = await stage.proxy(upstream.url, disk());
      const at = (reference: string) => `${proxy.url}/v2/team/app/manifests/${reference}`;
      await ask(at(digest));
      await ask(at('v1'), { method: 'HEAD' });
      const reply = await ask(at('v1'));
      expect([reply.status, reply.ending, reply.text]).toEqual([200, 'clean', bytes.toString()]);
    });
  });

  describe('whose registry', () => {
    const SIZE = 3 * MIB;
    const cut = (after: number): Fault => ({ kind: 'cut', after });

    test.each<[string, Fault[], boolean]>([
      ['cuts before the first byte', [cut(0)], true],
      ['cuts behind the first byte', [cut(1)], true],
      ['cuts in the middle', [cut(1_500_001)], true],
      ['cuts before the last byte', [cut(SIZE - 1)], true],
      ['cuts three times', [cut(MIB + 1), cut(MIB + 1), cut(100_000)], true],
      ['falls silent', [{ kind: 'stall', after: MIB }], true],
      ['falls silent and cuts what continues', [{ kind: 'stall', after: MIB }, cut(5)], true],
      ['takes its time', [{ kind: 'slow-head', ms: 600 }], true],
      ['takes its time to continue', [cut(MIB), { kind: 'slow-head', ms: 200 }], true],
      ['ignores Range', [cut(MIB), { kind: 'ignore-range' }], true],
      ['ignores Range and cuts again', [cut(MIB), { kind: 'ignore-range' }, cut(MIB + 5)], true],
      ['continues with fewer bytes than asked for', [cut(MIB), { kind: 'short-range', bytes: 1000 }], true],
      ['does not say how much there is', [cut(MIB), { kind: 'unknown-total' }], true],
      ['has another ETag then', [cut(MIB), { kind: 'changed-etag' }], true],
      ['answers 503 once', [cut(MIB), { kind: 'status', status: 503 }], true],
      ['answers another range', [cut(MIB), { kind: 'wrong-content-range', shift: 7 }], false],
      ['says another size', [cut(MIB), { kind: 'changed-size', by: 9 }], false],
      ['answers 404 then', [cut(MIB), { kind: 'status', status: 404 }], false],
      ['answers 401 then', [cut(MIB), { kind: 'status', status: 401 }], false],
      ['answers 416 then', [cut(MIB), { kind: 'status', status: 416 }], false],
      ['answers nothing but errors', Array.from({ length: 40 }, () => cut(0)), false],
    ])('%s: who follows has the right bytes, or is cut; then all is right', async (_, faults, isHealed) => {
      const registry = await stage.registry();
      const [layer] = smallImage(registry, 'team/app', 'v1', [SIZE]).layers;
      const proxy = await stage.proxy(registry, disk());
      const url = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
      for (const fault of faults) registry.fail(/GET/, fault);
      const all = await Promise.all(Array.from({ length: 4 }, () => ask(url).catch(() => CUT)));
      for (const reply of all) {
        expect(reply.ending === 'clean').toBe(reply.body.equals(layer.bytes));
        expect(reply.body.equals(layer.bytes.subarray(0, reply.body.length))).toBe(true);
      }
      expect(all.filter(({ ending }) => ending === 'clean')).toHaveLength(isHealed ? 4 : 0);
      registry.mend();
      const again = await ask(url);
      expect([again.ending, again.body.equals(layer.bytes)]).toEqual(['clean', true]);
      expect(await until(() => isStored(layer.digest, layer.bytes))).toBe(true);
      if (isHealed) expect(said(again)).toMatch(/; hit$|; collapsed$/);
    });

    test.each<[string, (exchange: Exchange, bytes: Buffer) => void]>([
      ['a wrong byte', ({ res }, bytes) => void answer(res, bytes.length, flipped(bytes, 1000))],
      ['a wrong last byte', ({ res }, bytes) => void answer(res, bytes.length, flipped(bytes, bytes.length - 1))],
      ['one byte less, and says so', ({ res }, bytes) => void answer(res, bytes.length - 1, bytes.subarray(1))],
      ['one byte more, and says so', ({ res }, bytes) => void answer(res, bytes.length + 1, [bytes, '!'])],
      ['an error page', ({ res }) => void answer(res, 5, '<html')],
      [
        'other bytes, compressed',
        ({ res }, bytes) => {
          res.setHeader('content-encoding', 'gzip');
          answer(res, bytes.length, bytes);
        },
      ],
      [
        'a part of it',
        ({ res }, bytes) => {
          const head = { 'content-range': `bytes 0-99/${bytes.length}`, 'content-length': 100 };
          res.writeHead(206, head).end(bytes.subarray(0, 100));
        },
      ],
    ])('sends %s: nothing is kept of it, and the next one asks again', async (_, wrong) => {
      const bytes = payload(MIB, 8);
      const { path, digest } = blobOf(bytes);
      let isWrong = true;
      const upstream = await scripted((exchange) => {
        if (isWrong) wrong(exchange, bytes);
        else answer(exchange.res, bytes.length, bytes);
      });
      const proxy = await stage.proxy(upstream.url, disk());
      const url = `${proxy.url}${path}`;
      const all = await Promise.all(Array.from({ length: 3 }, () => ask(url)));
      for (const reply of all) {
        // What is labelled as something else is for the client to judge.
        const isLabelled = reply.status === 206 || reply.header('content-encoding') !== undefined;
        if (!isLabelled) expect(reply.ending === 'destroyed' || reply.status === 502).toBe(true);
      }
      isWrong = false;
      const right = await ask(url);
      expect([right.status, right.ending, right.body.equals(bytes)]).toEqual([200, 'clean', true]);
      expect(await until(() => isStored(digest, bytes))).toBe(true);
    });

    test('is not what its manifests say: it is asked again, then the client is told, and nothing is kept', async () => {
      const registry = await stage.registry();
      const { manifest } = smallImage(registry);
      const proxy = await stage.proxy(registry, disk());
      const at = `${proxy.url}/v2/team/app/manifests/${manifest.digest}`;
      registry.fail(/GET/, { kind: 'cut', after: 10 }, 100);
      expect((await ask(at)).status).toBe(502);
      registry.mend();
      registry.fail(/GET/, { kind: 'clean-short', after: 10 }, 100);
      expect((await ask(at)).status).toBe(502);
      registry.mend();
      const right = await ask(at);
      expect([right.status, right.body.equals(manifest.bytes)]).toEqual([200, true]);
    });
  });

  describe('whose store', () => {
    /** Two pulls of everything, each with the right bytes. */
    async function pullsGoOn(env: Record<string, string>, between: () => void = () => {}) {
      const registry = await stage.registry();
      const image = smallImage(registry, 'team/app', 'v1', [3 * MIB, 70_000, 10]);
      const proxy = await stage.proxy(registry, env);
      for (let time = 0; time < 2; time += 1) {
        const once = () => pull({ base: proxy.url }, 'team/app', 'v1');
        // Clients try again when they are cut, and a store can fail in the middle.
        const pulled = await once().catch(once);
        expect(pulled.digest).toBe(image.manifest.digest);
        between();
      }
      return proxy;
    }

    test.each<[string, () => string]>([
      [
        'is a file',
        () => {
          writeFileSync(join(folder, 'file'), 'x');
          return join(folder, 'file');
        },
      ],
      [
        'is below a file',
        () => {
          writeFileSync(join(folder, 'file'), 'x');
          return join(folder, 'file', 'below');
        },
      ],
      ['cannot be made', () => '/proc/nobody-can-make-this'],
    ])('%s, passes everything on', async (_, place) => {
      const proxy = await pullsGoOn({ ...disk(), CACHE: `disk:${place()}` });
      expect(proxy.logs().some(({ msg }) => msg === 'fault of the cache')).toBe(true);
    });

    test('vanishes between two pulls, begins anew', async () => {
      await pullsGoOn(disk(), () => rmSync(folder, { recursive: true, force: true }));
    });

    test.each<[string, Fault]>([
      ['refuses connections', { kind: 'refuse' }],
      ['answers with garbage', { kind: 'status', status: 200, body: '<html>no</html>' }],
      ['answers 500', { kind: 'status', status: 500 }],
      ['answers 403', { kind: 'status', status: 403 }],
      ['answers 206 without a range', { kind: 'status', status: 206, body: 'something' }],
      ['answers 304', { kind: 'status', status: 304 }],
      ['is slow', { kind: 'slow-head', ms: 150 }],
      ['cuts all answers', { kind: 'cut', after: 5 }],
      ['does not end its answers', { kind: 'stall', after: 0 }],
      ['never answers', { kind: 'silence' }],
    ])(
      'in a bucket %s, passes everything on',
      async (_, fault) => {
        const { s3, env } = await bucket();
        s3.fail(/./, fault, 10_000);
        await pullsGoOn(env);
        s3.mend();
      },
      60_000,
    );

    test('in a bucket begins to fail, is done without, and used again later', async () => {
      const { s3, env, bucket: held } = await bucket();
      const registry = await stage.registry();
      const image = smallImage(registry, 'team/app', 'v1', [3 * MIB, 70_000]);
      const proxy = await stage.proxy(registry, env);
      const session = { base: proxy.url };
      await pull(session, 'team/app', 'v1');
      expect(await until(() => [...held.objects.keys()].filter((key) => key.includes('sha256')).length >= 4)).toBe(
        true,
      );
      for (const fault of [
        { kind: 'cut', after: MIB },
        { kind: 'status', status: 503 },
      ] as const) {
        s3.fail(/./, fault, 1000);
        const replies = await Promise.all(
          image.layers.map(({ digest }) => ask(`${proxy.url}/v2/team/app/blobs/${digest}`)),
        );
        replies.forEach((reply, index) => {
          const { bytes } = image.layers[index] as { bytes: Buffer };
          expect(reply.ending === 'clean').toBe(reply.body.equals(bytes));
        });
        s3.mend();
      }
      await pause(100);
      await pull(session, 'team/app', 'v1');
    }, 60_000);

    test.each(['disk', 'bucket'])('on a %s holds other bytes by now, gives them to nobody as whole', async (kind) => {
      const { env, bucket: held } = await bucket();
      const registry = await stage.registry();
      const image = smallImage(registry, 'team/app', 'v1', [3 * MIB, 70_000]);
      const settings = kind === 'disk' ? disk() : env;
      const first = await stage.proxy(registry, settings);
      await pull({ base: first.url }, 'team/app', 'v1');
      await first.stop();
      for (const { digest, bytes } of image.layers) {
        const wrong = flipped(bytes, 100);
        const object = [...held.objects].find(([key]) => key.includes(digest.slice(7)))?.[0];
        if (kind === 'disk') writeFileSync(join(folder, 'blobs/sha256', digest.slice(7)), wrong);
        else held.objects.set(object as string, { bytes: wrong, etag: '"another"', at: Date.now() });
      }
      // A process that has not read them before.
      const proxy = await stage.proxy(registry, settings);
      for (const { digest, bytes } of image.layers) {
        const url = `${proxy.url}/v2/team/app/blobs/${digest}`;
        const found = await ask(url);
        expect(found.ending === 'clean').toBe(found.body.equals(bytes));
        const again = await ask(url);
        expect([again.ending, again.body.equals(bytes)]).toEqual(['clean', true]);
      }
    });
  });

  test('shows a blob in another repository whose storage takes no HEAD', async () => {
    const registry = await stage.registry();
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn, heads: true };
    const [layer] = smallImage(registry).layers;
    smallImage(registry, 'other/app');
    const proxy = await stage.proxy(registry, disk());
    const before = await ask(`${proxy.url}/v2/team/app/blobs/${layer.digest}`);
    expect(before.body.equals(layer.bytes)).toBe(true);
    await pause(200);
    const other = await ask(`${proxy.url}/v2/other/app/blobs/${layer.digest}`);
    expect([said(other), other.body.equals(layer.bytes)]).toEqual([
      'registry-proxy; fwd=stale; fwd-status=200; detail=same-digest',
      true,
    ]);
  });

  test('leads nobody to where nothing is yet', async () => {
    const { env } = await bucket();
    const registry = await stage.registry();
    const [layer] = smallImage(registry, 'team/app', 'v1', [2 * MIB]).layers;
    smallImage(registry, 'other/app', 'v1', [2 * MIB]);
    const proxy = await stage.proxy(registry, { ...env, CACHE_REDIRECT: '10m', STALL_TIMEOUT: '1s' });
    registry.fail(/GET/, { kind: 'stall', after: MIB });
    const first = await open(`${proxy.url}/v2/team/app/blobs/${layer.digest}`);
    first.response.resume();
    const other = await ask(`${proxy.url}/v2/other/app/blobs/${layer.digest}`);
    expect([other.status, other.body.equals(layer.bytes)]).toEqual([200, true]);
  });
});
