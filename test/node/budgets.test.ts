import { readConfig } from '../../src/core/config';
import { type RunningServer, startServer } from '../../src/node/server';
import { createLog } from '../../src/shell/log';
import { ask } from '../upstream/client';
import { type Registry, startRegistry } from '../upstream/registry';
import { smallImage } from '../upstream/scene';

const log = createLog({ level: 'silent', format: 'json', write: () => {} });

let registry: Registry;
let server: RunningServer | undefined;

beforeEach(async () => {
  registry = await startRegistry();
});

afterEach(async () => {
  await Promise.all([server?.close(), registry.stop()]);
  server = undefined;
});

const read = (env: Record<string, string>) =>
  readConfig({ HOST: '127.0.0.1', PORT: '0', REGISTRY_BACKEND: registry.url, SHUTDOWN_TIMEOUT: '1s', ...env });

const statusOf = async (headers: Record<string, string> = {}) =>
  (await ask(`${server?.url}/v2/team/app/manifests/v1`, { headers })).status;

test('another configuration keeps what was counted, and brings limits of its own', async () => {
  smallImage(registry);
  server = await startServer(read({ BUDGET_CLIENT_REQUESTS: '2', BUDGET_UPSTREAM_REQUESTS: '3' }), log);
  expect([await statusOf(), await statusOf(), await statusOf()]).toEqual([200, 200, 429]);
  await server.apply(read({ BUDGET_CLIENT_REQUESTS: '3', BUDGET_UPSTREAM_REQUESTS: '3' }));
  expect([await statusOf(), await statusOf()]).toEqual([200, 429]);
  await server.apply(read({ BUDGET_UPSTREAM_REQUESTS: '3' }));
  expect(await statusOf()).toBe(429);
  await server.apply(read({}));
  expect(await statusOf()).toBe(200);
});

test('a prefetch costs its registry, and not the client that asked for it', async () => {
  const image = smallImage(registry);
  server = await startServer(
    read({ CACHE: 'memory', HANDLE_REDIRECT: 'true', BUDGET_CLIENT_REQUESTS: '1', BUDGET_UPSTREAM_REQUESTS: '100' }),
    log,
  );
  const { port } = server;
  const reply = await ask(`http://127.0.0.1:${port}/-/prefetch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ images: ['team/app:v1'] }),
  });
  expect(reply.text).toContain('"failed":0');
  expect(registry.requests.length).toBeGreaterThan(image.layers.length);
  expect(await statusOf()).toBe(200);
  expect(await statusOf()).toBe(429);
});
