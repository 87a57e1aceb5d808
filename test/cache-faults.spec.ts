import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimes } from './runtimes';
import { type Bucket, type S3Server, startS3 } from './storage/s3-server';
import { ask, begin, open, type Reply } from './upstream/client';
import { contentOf, payload } from './upstream/image';
import { type Exchange, listen, type Upstream } from './upstream/listen';
import { smallImage, stageFor, until } from './upstream/scene';

const MIB = 1024 * 1024;
const TYPE = 'application/vnd.oci.image.manifest.v1+json';
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const said = (reply: Reply) => reply.header('cache-status');

describe.each(runtimes)('with the $name runtime, a cache', (runtime) => {
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
      ['shorter', 1000],
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
      const reply = await ask(`${proxy.url}${path}`).catch((error: Error) => error.message);
      expect(reply).toBe('socket hang up');
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
