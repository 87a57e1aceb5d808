import { createServer } from 'node:net';
import { ask, open } from '../upstream/client';
import { listen } from '../upstream/listen';
import { until } from '../upstream/scene';
import { processFrom } from './process';

const BLOB = `/v2/team/app/blobs/sha256:${'a'.repeat(64)}`;
const LOCAL = { HOST: '127.0.0.1', PORT: '0' };

let program: Awaited<ReturnType<typeof processFrom>>;

beforeAll(async () => {
  program = await processFrom('LOG_FORMAT=json\nPUBLIC_URL=https://env.example.com\n');
});

afterAll(() => program.stop());

describe('the process', () => {
  test('lists every fault of its configuration, one a line, and ends with 1', async () => {
    const { exited, err, out } = program.start({ PORT: 'x', LOG_LEVEL: 'loud', STALL_TIMEOUT: '0' });
    expect(await exited).toBe(1);
    const lines = err().trim().split('\n');
    expect(
      lines
        .filter((line) => line.startsWith('configuration: '))
        .map((line) => line.split(/[ =]/)[1])
        .sort(),
    ).toEqual(['LOG_LEVEL', 'PORT', 'STALL_TIMEOUT']);
    expect(err()).toContain('docs/configuration.md');
    expect(err()).not.toMatch(/^\s+at /m);
    expect(out()).toBe('');
  });

  test('says that its port is taken, and ends with 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const { exited, err } = program.start({ ...LOCAL, PORT: String(port) });
    expect(await exited).toBe(1);
    expect(err()).toMatch(/port is taken/);
    expect(err()).not.toMatch(/^\s+at /m);
    taken.close();
  });

  test('starts with the registry down, names its port, reads .env, and ends with 0', async () => {
    const running = program.start({ ...LOCAL, REGISTRY_BACKEND: 'http://127.0.0.1:1', RETRY_TIMEOUT: '0' });
    const { port, url, backend } = await running.listening();
    expect([port > 0, url, backend]).toEqual([true, `http://127.0.0.1:${port}`, 'http://127.0.0.1:1']);
    expect((await ask(`${url}/-/healthz`)).text).toBe('ok\n');
    expect((await ask(`${url}/v2/`)).status).toBe(502);
    running.signal('SIGTERM');
    expect(await running.exited).toBe(0);
    expect(running.lines().find(({ level, msg }) => level === 'warn' && msg === 'request')).toMatchObject({
      status: 502,
      route: 'ping',
    });
    expect(running.err()).toBe('');
  });

  test('prefers its environment to .env', async () => {
    const upstream = await listen('registry', ({ send }) =>
      send(401, { 'www-authenticate': 'Bearer realm="https://r/t"' }),
    );
    const realmOf = async (env: Record<string, string>) => {
      const running = program.start({ ...LOCAL, REGISTRY_BACKEND: upstream.url, ...env });
      const { url } = await running.listening();
      const reply = await ask(`${url}/v2/`);
      running.signal('SIGINT');
      expect(await running.exited).toBe(0);
      return reply.header('www-authenticate');
    };
    expect(await realmOf({})).toContain('https://env.example.com/token');
    expect(await realmOf({ PUBLIC_URL: 'https://other.example.com' })).toContain('https://other.example.com/token');
    await upstream.stop();
  });

  test('writes its log as text where that is wanted', async () => {
    const running = program.start({ ...LOCAL, LOG_FORMAT: 'text' });
    expect(await until(() => running.out().includes('listening'), 8000)).toBe(true);
    expect(running.out()).toMatch(/info .*listening.* port=\d+/);
    expect(running.lines()).toEqual([]);
    running.signal('SIGTERM');
    await running.exited;
  });

  test('ends a running transfer before it ends itself, and takes no new one', async () => {
    let release = () => {};
    const upstream = await listen('registry', ({ res }) => {
      res.writeHead(200, { 'content-length': 6 }).write('abc');
      release = () => res.end('def');
    });
    const running = program.start({ ...LOCAL, REGISTRY_BACKEND: upstream.url });
    const { url } = await running.listening();
    const { response } = await open(url + BLOB);
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text === 'abc');
    running.signal('SIGTERM');
    await until(() => running.lines().some(({ msg }) => msg === 'stopping'));
    await expect(ask(`${url}/-/healthz`)).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    const end = new Promise((resolve) => response.on('end', resolve));
    release();
    await end;
    expect([text, await running.exited]).toEqual(['abcdef', 0]);
    expect(running.lines().find(({ msg }) => msg === 'request')).toMatchObject({ status: 200, bytes: 6 });
    await upstream.stop();
  });

  test('ends at once when it is told twice', async () => {
    const upstream = await listen(
      'registry',
      ({ res }) => void res.writeHead(200, { 'content-length': 6 }).write('abc'),
    );
    const running = program.start({ ...LOCAL, REGISTRY_BACKEND: upstream.url });
    const { url } = await running.listening();
    const { response } = await open(url + BLOB);
    response.on('error', () => {});
    running.signal('SIGTERM');
    await until(() => running.lines().some(({ msg }) => msg === 'stopping'));
    running.signal('SIGTERM');
    expect(await running.exited).toBe(1);
    await upstream.stop();
  });
});
