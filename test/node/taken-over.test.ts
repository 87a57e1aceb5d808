import { readConfig } from '../../src/core/config';
import { SettingFiles } from '../../src/node/files';
import { type RunningServer, startServer } from '../../src/node/server';
import { createLog } from '../../src/shell/log';
import { blob } from '../../src/storage/key';
import { S3Store } from '../../src/storage/s3';
import type { Claim, Incoming } from '../../src/storage/store';
import { type S3Server, startS3 } from '../storage/s3-server';
import { ask } from '../upstream/client';
import { makeImage } from '../upstream/image';
import { type Registry, startRegistry } from '../upstream/registry';
import { startTokenServer, type TokenServer } from '../upstream/token-server';

/** A client that is sent what another process fetches, which then ends: this one goes on, by the client's own right. */

jest.setTimeout(60_000);

const MIB = 1024 * 1024;
const SIZE = 20 * MIB + 5;

let s3: S3Server;
let tokens: TokenServer;
let registry: Registry;
let server: RunningServer | undefined;

beforeAll(async () => {
  s3 = await startS3();
  tokens = await startTokenServer({ service: 'registry' });
  registry = await startRegistry({ auth: { kind: 'bearer', tokens } });
});
afterEach(async () => {
  await server?.close();
  expect([s3.accusations, registry.accusations]).toEqual([[], []]);
});
afterAll(() => Promise.all([s3.stop(), tokens.stop(), registry.stop()]));

async function until(what: string, reached: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await reached()); await new Promise((wake) => setTimeout(wake, 20)))
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`);
}

test.each([
  ['is silent from then on', false],
  ['gives it up', true],
])('where the other one %s, the registry is asked for the rest, and for no more', async (_, isReleased) => {
  let now = Date.now;
  const bucket = s3.bucket({ now: () => now() });
  const image = makeImage([SIZE], 'oci', isReleased ? 7 : 8);
  const layer = image.layers[0] as (typeof image.layers)[0];
  registry.add('team/app', 'v1', image);
  const env = {
    HOST: '127.0.0.1',
    PORT: '0',
    REGISTRY_BACKEND: registry.url,
    CACHE: `s3://${bucket.name}?endpoint=${s3.url}&region=${bucket.place.region}&pathStyle=true`,
    CACHE_ACCESS_KEY: s3.login.id,
    CACHE_SECRET_KEY: s3.login.secret,
  };
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  server = await startServer(readConfig(env, [], {}, new SettingFiles()), log);
  const path = `/v2/team/app/blobs/${layer.digest}`;
  const url = `http://127.0.0.1:${server.port}${path}`;
  const realm = await ask(`http://127.0.0.1:${server.port}/token?scope=repository:team/app:pull&service=registry`);
  const { token } = JSON.parse(realm.body.toString());

  const other = new S3Store({ place: bucket.place });
  const incoming: Incoming = other.incoming;
  const claim = (await incoming.claim(blob(layer.digest), SIZE)) as Claim;
  await claim.write(layer.bytes.subarray(0, 17 * MIB));
  await until('there are pieces', async () => (await incoming.look(blob(layer.digest), SIZE, 0)).pieces.length === 2);
  registry.requests.length = 0;
  s3.requests.length = 0;
  const pulling = ask(url, { headers: { authorization: `Bearer ${token}` } });
  await until('it is read', () =>
    s3.requests.some(({ method, target }) => method === 'GET' && /-00001-[0-9a-f]+$/.test(target)),
  );
  if (isReleased) await claim.release();
  else now = () => Date.now() + 60_000;

  const { status, body } = await pulling;
  expect([status, body.equals(layer.bytes)]).toEqual([200, true]);
  const asked = registry.requests.filter((seen) => seen.path === path && (seen.status ?? 500) < 300);
  expect(asked.map(({ method, header }) => [method, header('range')])).toEqual([
    ['HEAD', undefined],
    ['GET', `bytes=${16 * MIB}-`],
  ]);
  await until('it is stored', async () => (await other.stat(blob(layer.digest)))?.size === SIZE);
  await other.close();
});
