import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { S3Place } from '../../src/core/s3-place';
import { parseUrl, type Url } from '../../src/core/url';
import { exitOf } from './programs';

export interface Swift {
  /** A bucket that is there, with keys that may do everything. */
  readonly place: S3Place;
  stop(): Promise<void>;
}

const BUCKET = 'cache';

/** Debian's OpenStack Swift, whose door for S3 checks signatures by code of its own. */
export async function startSwift(): Promise<Swift> {
  const folder = mkdtempSync('/tmp/swift-');
  const ports = await Promise.all(Array.from({ length: 5 }, freePort));
  const secret = randomBytes(20).toString('hex');
  const child = spawn(
    'unshare',
    ['-mpf', '--mount-proc', '--kill-child=KILL', join(__dirname, 'swift-servers'), folder, ...ports.map(String)],
    { stdio: ['pipe', 'ignore', 'inherit'], env: { ...process.env, SWIFT_SECRET: secret } },
  );
  const url = `http://127.0.0.1:${ports[0]}`;
  const stop = async () => {
    child.stdin?.end();
    await exitOf(child);
    rmSync(folder, { recursive: true });
  };
  try {
    await makeBucket(url, secret);
  } catch (error) {
    const logs = readdirSync(join(folder, 'log')).map((name) => readFileSync(join(folder, 'log', name), 'utf8'));
    await stop();
    throw new Error(`swift does not start: ${error}\n${logs.join('\n')}`);
  }
  const endpoint = parseUrl(`${url}/`) as Url;
  const place: S3Place = {
    kind: 's3',
    bucket: BUCKET,
    prefix: '',
    region: 'nowhere-1',
    endpoint,
    publicEndpoint: endpoint,
    pathStyle: true,
    keys: { id: 'test:tester', secret },
  };
  return { place, stop };
}

/** By Swift's own API, as an operator would, as soon as it answers. */
async function makeBucket(url: string, secret: string): Promise<void> {
  for (const deadline = Date.now() + 100_000; ; ) {
    try {
      const login = { 'x-storage-user': 'test:tester', 'x-storage-pass': secret };
      const { headers } = await fetch(`${url}/auth/v1.0`, { headers: login });
      const token = headers.get('x-auth-token') ?? '';
      const answer = await fetch(`${url}/v1/AUTH_test/${BUCKET}`, {
        method: 'PUT',
        headers: { 'x-auth-token': token },
      });
      if (answer.ok) return;
      throw new Error(`swift answers ${answer.status}`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((wake) => setTimeout(wake, 200));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
