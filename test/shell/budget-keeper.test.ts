import { readConfig } from '../../src/core/config';
import { BudgetKeeper } from '../../src/shell/budget-keeper';
import { createLog } from '../../src/shell/log';

const NOON = Date.parse('2026-02-28T12:00:00Z');

function keeperOf(env: Record<string, string>) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  let now = NOON;
  const keeper = new BudgetKeeper(() => now);
  const config = readConfig(env);
  const open = (isOwn = false, record = { bytes: 0 }) => keeper.open({ config, log, record, isOwn });
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  return { keeper, config, open, lines, pass };
}

test('nothing is counted where there is no budget', () => {
  expect(keeperOf({}).open()).toBeUndefined();
});

test('a client is warned of in the log at 80 % and at the end, by its name, once a day', () => {
  const { open, lines, pass } = keeperOf({ BUDGET_CLIENT_REQUESTS: '5' });
  const ask = () => {
    const spending = open();
    const excess = spending?.excessOf('10.0.0.1');
    if (!excess) spending?.begin('10.0.0.1');
    spending?.end();
    return excess?.used;
  };
  expect(Array.from({ length: 7 }, ask)).toEqual([undefined, undefined, undefined, undefined, undefined, 5, 5]);
  const about = { level: 'warn', budget: 'BUDGET_CLIENT_REQUESTS', client: '10.0.0.1', limit: 5 };
  expect(lines).toMatchObject([
    { ...about, msg: 'a daily budget is nearly used up' },
    { ...about, msg: 'a daily budget is used up' },
  ]);
  pass(12 * 3_600_000);
  expect(ask()).toBeUndefined();
  expect(lines).toHaveLength(2);
});

test('what the proxy asks by itself costs registries, and no client', () => {
  const { open, keeper, config } = keeperOf({ BUDGET_CLIENT_REQUESTS: '1', BUDGET_UPSTREAM_REQUESTS: '1' });
  const [upstream] = config.upstreams;
  const spending = open(true);
  spending?.begin('10.0.0.1');
  spending?.begin('10.0.0.1');
  spending?.meter(upstream).request();
  spending?.end();
  expect(open()?.excessOf('10.0.0.1')).toBeUndefined();
  expect(open(true)?.upstreamExcess(upstream)).toMatchObject({ unit: 'requests', used: 1 });
  expect(keeper.usage(config)).toEqual({
    upstreams: [{ registry: 'docker.io', bytes: 0, requests: 1, budget: { requests: 1 } }],
    clientsOver: 0,
  });
});

test('usage names no client, and says how many are over', () => {
  const { open, keeper, config } = keeperOf({ BUDGET_CLIENT_BYTES: '10', REGISTRIES: 'ghcr.io' });
  for (const [client, bytes] of Object.entries({ '10.0.0.1': 10, '10.0.0.2': 9, 'user bob': 11 })) {
    const record = { bytes: 0 };
    open(false, record)?.begin(client);
    record.bytes = bytes;
  }
  expect(keeper.usage(config)).toEqual({
    upstreams: ['docker.io', 'ghcr.io'].map((registry) => ({ registry, bytes: 0, requests: 0, budget: {} })),
    clientsOver: 2,
  });
});
