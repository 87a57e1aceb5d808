import { ask, begin } from '../upstream/client';
import { until } from '../upstream/scene';
import { type Echo, startEcho } from './echo';
import type { Edge } from './edge';
import { type EdgeGateway, startEdge } from './gateway';
import { holdInstances } from './instances';
import { plainEdge } from './plain-edge';

let echo: Echo;
const gateways: EdgeGateway[] = [];

beforeEach(async () => {
  echo = await startEcho();
});
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((each) => each.close()));
  echo.close();
});

async function startWith(changes: Partial<Edge>): Promise<EdgeGateway> {
  const instances = holdInstances([{ port: echo.port }], { concurrency: 100, freezes: false });
  const gateway = await startEdge(plainEdge(changes), instances);
  gateways.push(gateway);
  return gateway;
}

describe('what is common to all stand-ins', () => {
  it('gives up a request that takes too long: 504 without a head, else a connection that breaks', async () => {
    const { url } = await startWith({
      deadline: 200,
      response: { ...plainEdge().response, streams: ({ headers }) => 'transfer-encoding' in headers },
    });
    expect((await ask(`${url}/?size=100&pause=60000`)).status).toBe(504);
    const begun = await ask(`${url}/?size=100&pause=60000&chunked=1`);
    expect([begun.status, begun.ending, begun.body.length]).toEqual([200, 'destroyed', 50]);
  });

  it.each([
    ['tells a function', true, 1],
    ['does not tell a function', false, 0],
  ])('%s that its client has left, where the platform does', async (_, tellsOfLeaving, left) => {
    const response = { ...plainEdge().response, streams: () => false };
    const { url } = await startWith({ tellsOfLeaving, response });
    const { leave } = begin(`${url}/?size=100&pause=600&chunked=1`);
    expect(await until(() => echo.begun === 1)).toBe(true);
    leave();
    // When this is answered, the first one has been, too, to whom ever.
    await ask(`${url}/?size=100&pause=900`);
    expect(await until(() => echo.left === left)).toBe(true);
  });

  it('calls the function by the name that it is known by, or by that of the caller', async () => {
    const named = await startWith({ host: 'function.example.com' });
    const other = await startWith({});
    const hosts = [];
    for (const { url } of [named, other]) {
      const answer = await ask(`${url}/?headers=1`, { headers: { host: 'r.example.com' } });
      hosts.push((answer.json() as { host: string }).host);
    }
    expect(hosts).toEqual(['function.example.com', 'r.example.com']);
  });
});
