import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { readConfig } from '../../src/core/config';
import { SettingFiles } from '../../src/node/files';
import { type RunningServer, startServer } from '../../src/node/server';
import { createLog } from '../../src/shell/log';
import { createAuthority } from '../upstream/certificates';
import { ask, open } from '../upstream/client';
import { connectH2 } from '../upstream/h2-client';
import { type Image, makeImage } from '../upstream/image';
import { type Registry, startRegistry } from '../upstream/registry';

/** What is kept comes right over every kind of connection, however slowly it is read: buffers are used again. */

const MIB = 1024 * 1024;
const SIZE = 24 * MIB;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let folder: string;
let ca: string;
let registry: Registry;
let server: RunningServer;
let layer: Image['config'];
let hash: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cached-'));
  const authority = await createAuthority();
  const { cert, key } = await authority.issue(['localhost', '127.0.0.1']);
  ca = authority.cert;
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  registry = await startRegistry();
  const image = makeImage([SIZE], 'oci', 3);
  registry.add('team/app', 'v1', image);
  layer = image.layers[0] as Image['config'];
  hash = layer.digest.slice('sha256:'.length);
  const env = {
    HOST: '127.0.0.1',
    PORT: '0',
    REGISTRY_BACKEND: registry.url,
    CACHE: `disk:${join(folder, 'cache')}`,
    TLS_CERT: join(folder, 'tls.crt'),
    TLS_KEY: join(folder, 'tls.key'),
  };
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  server = await startServer(readConfig(env, [], {}, new SettingFiles()), log);
  const filled = await ask(`${url()}${path()}`, { ca });
  expect(filled.body.equals(layer.bytes)).toBe(true);
  await pause(500);
  await registry.stop();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const url = () => `https://localhost:${server.port}`;
const path = () => `/v2/team/app/blobs/${layer.digest}`;

/** The hash of all of it, read in bursts. */
async function hashOf(body: Readable, rest: number): Promise<string> {
  const sum = createHash('sha256');
  let count = 0;
  for await (const chunk of body) {
    sum.update(chunk);
    count += 1;
    if (count % 64 === 0) await pause(rest);
  }
  return sum.digest('hex');
}

test.each([0, 5])('over HTTP/2, eight streams at once (%d ms of rest)', async (rest) => {
  const client = await connectH2(url(), { ca });
  const hashes = Array.from({ length: 8 }, () => hashOf(client.open(path()), rest));
  expect(new Set(await Promise.all(hashes))).toEqual(new Set([hash]));
  client.close();
});

test.each([0, 5])('over HTTP/1.1 with TLS, four connections at once (%d ms of rest)', async (rest) => {
  const hashes = Array.from({ length: 4 }, async () => hashOf((await open(url() + path(), { ca })).response, rest));
  expect(new Set(await Promise.all(hashes))).toEqual(new Set([hash]));
});
