import dns from 'node:dns';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAgents, MAX_IDLE } from '../../src/node/agents';
import { configOf, forward } from '../core/heads';

/** A request of this scheme that may go so far. */
const to = (scheme: 'http' | 'https', reach: 'any' | 'public', ca?: string) => {
  const { url } = forward(`${scheme}://storage.example.com/`);
  return { url, reach, connection: { timeouts: configOf().timeouts, ca } };
};

type Lookup = (
  hostname: string,
  options: object,
  callback: (error: (Error & { code?: string }) | null, address: unknown, family?: number) => void,
) => void;

/** What an agent was made with; Node documents it, the types do not. */
const optionsOf = (agent: object) => (agent as { options: object }).options;

/** The look-up that connections of this reach use, asked for `addresses` that a name server gave. */
function lookUp(addresses: string[] | Error, options: object, reach: 'public' | 'any' = 'public') {
  jest.spyOn(dns, 'lookup').mockImplementation(((
    _name: string,
    asked: { all?: boolean },
    callback: (...all: unknown[]) => void,
  ) => {
    expect(asked.all).toBe(true);
    if (addresses instanceof Error) callback(addresses);
    else
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
  }) as never);
  const agents = createAgents();
  const { lookup } = optionsOf(agents.take(to('https', reach), MAX_IDLE)) as { lookup: Lookup };
  agents.close();
  return new Promise<{ error: (Error & { code?: string }) | null; address: unknown; family?: number }>((resolve) =>
    lookup('storage.example.com', options, (error, address, family) => resolve({ error, address, family })),
  );
}

afterEach(() => jest.restoreAllMocks());

describe('the look-up of public names', () => {
  test('gives the public addresses', async () => {
    const { error, address } = await lookUp(['93.184.216.34', '2606:4700::1'], { all: true });
    expect(error).toBeNull();
    expect(address).toEqual([
      { address: '93.184.216.34', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
  });

  test('gives one where one is asked for', async () => {
    expect(await lookUp(['10.0.0.1', '93.184.216.34'], {})).toEqual({
      error: null,
      address: '93.184.216.34',
      family: 4,
    });
  });

  test('keeps private ones back', async () => {
    const { address } = await lookUp(['169.254.169.254', '::1', '93.184.216.34', 'fd00::1', '127.0.0.1'], {
      all: true,
    });
    expect(address).toEqual([{ address: '93.184.216.34', family: 4 }]);
  });

  test.each([
    [['127.0.0.1']],
    [['10.1.2.3', '192.168.0.1']],
    [['::1']],
    [['::ffff:169.254.169.254']],
    [['100.100.100.200']],
    [[]],
  ])('refuses a name with none but %j', async (addresses) => {
    const { error } = await lookUp(addresses, { all: true });
    expect(error?.code).toBe('ERR_FORBIDDEN_ADDRESS');
  });

  test('passes on that there is no such name', async () => {
    const { error } = await lookUp(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), { all: true });
    expect(error?.code).toBe('ENOTFOUND');
  });

  test('is not used where private addresses are meant', () => {
    const agents = createAgents();
    expect(optionsOf(agents.take(to('http', 'any'), MAX_IDLE))).not.toHaveProperty('lookup');
    expect(optionsOf(agents.take(to('http', 'public'), MAX_IDLE))).toHaveProperty('lookup');
    expect(optionsOf(agents.take(to('https', 'public'), MAX_IDLE))).toHaveProperty('lookup');
    agents.close();
  });
});

describe('kept connections', () => {
  async function scene() {
    const server = createServer((_req, res) => res.end('ok'));
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const agents = createAgents();
    /** Asks over a kept connection that may have idled so long; gives the local port, which names the connection. */
    const ask = async (maxIdle: number, reach: 'any' | 'public' = 'any') => {
      const agent = agents.take(to('http', reach), maxIdle);
      const response = await new Promise<IncomingMessage>((resolve, reject) =>
        get({ host: '127.0.0.1', port, agent }, resolve).on('error', reject),
      );
      const { localPort } = response.socket;
      response.resume();
      await new Promise((resolve) => response.on('end', resolve));
      await new Promise((resolve) => setImmediate(resolve));
      return localPort;
    };
    const stop = () => {
      agents.close();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    };
    return { ask, stop };
  }

  test('are used again while they are fresh, and not when they idled too long', async () => {
    const { ask, stop } = await scene();
    const now = jest.spyOn(Date, 'now');
    const start = 1_000_000;
    now.mockReturnValue(start);
    const first = await ask(MAX_IDLE);
    now.mockReturnValue(start + MAX_IDLE - 1);
    expect(await ask(MAX_IDLE)).toBe(first);
    now.mockReturnValue(start + 2 * MAX_IDLE);
    const later = await ask(MAX_IDLE);
    expect(later).not.toBe(first);
    now.mockReturnValue(start + 2 * MAX_IDLE + 3000);
    expect(await ask(2000)).not.toBe(later);
    await stop();
  });

  test('of one reach never serve the other', async () => {
    const { ask, stop } = await scene();
    const any = await ask(MAX_IDLE, 'any');
    expect(await ask(MAX_IDLE, 'public')).not.toBe(any);
    await stop();
  });
});
