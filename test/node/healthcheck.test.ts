import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { ConfigError } from '../../src/core/config-error';
import { runCommand } from '../../src/node/commands';
import { createAuthority } from '../upstream/certificates';

const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done)))));

async function portOf(server: Server, host = '127.0.0.1'): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return String((server.address() as AddressInfo).port);
}

async function check(env: Record<string, string>, ...argv: string[]) {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), env };
  const code = await runCommand(['healthcheck', ...argv], streams);
  const said = (stream: PassThrough) => String(stream.read() ?? '');
  return { code, out: said(streams.stdout), err: said(streams.stderr) };
}

const answering =
  (status: number): RequestListener =>
  (req, res) => {
    res.statusCode = req.url === '/-/healthz' ? status : 404;
    res.end();
  };

describe('healthcheck', () => {
  test('ends with 0 where the proxy says that it is alive, on the port of the environment', async () => {
    const PORT = await portOf(createServer(answering(200)));
    expect(await check({ PORT })).toEqual({ code: 0, out: 'ok\n', err: '' });
  });

  test('takes the flags of serve', async () => {
    const port = await portOf(createServer(answering(200)));
    expect(await check({ PORT: '1' }, '--port', port)).toMatchObject({ code: 0 });
  });

  test('asks the address that the proxy listens on', async () => {
    const PORT = await portOf(createServer(answering(200)), '127.0.0.2');
    expect(await check({ PORT, HOST: '127.0.0.2' })).toMatchObject({ code: 0 });
    expect(await check({ PORT })).toMatchObject({ code: 1, err: expect.stringMatching(/127\.0\.0\.1.*ECONNREFUSED/) });
  });

  test('asks by https where the proxy has a certificate, whatever name that is for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'healthcheck-'));
    const { cert, key } = await (await createAuthority()).issue(['r.example.com']);
    const [TLS_CERT, TLS_KEY] = ['tls.crt', 'tls.key'].map((name) => join(folder, name)) as [string, string];
    writeFileSync(TLS_CERT, cert);
    writeFileSync(TLS_KEY, key);
    const PORT = await portOf(createTlsServer({ cert, key }, answering(200)));
    expect(await check({ PORT, TLS_CERT, TLS_KEY })).toMatchObject({ code: 0 });
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['answers something else', answering(503), /answers 503\n$/],
    ['hangs up', ((req) => req.destroy()) as RequestListener, /healthz: socket hang up\n$/],
  ])('ends with 1 where what listens there %s', async (_, listener, why) => {
    const PORT = await portOf(createServer(listener));
    expect(await check({ PORT })).toMatchObject({ code: 1, out: '', err: expect.stringMatching(why) });
  });

  test('says that it needs a fixed port', async () => {
    expect(await check({ PORT: '0' })).toMatchObject({ code: 1, err: expect.stringContaining('PORT=0') });
  });

  test('lists the faults of a configuration that the proxy would not start with', async () => {
    await expect(check({ PORT: 'x' })).rejects.toThrow(ConfigError);
  });

  test('--help says what it is for', async () => {
    expect(await check({}, '--help')).toMatchObject({ code: 0, out: expect.stringContaining('health checks') });
  });
});
