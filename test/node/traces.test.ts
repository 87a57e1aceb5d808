import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../../src/core/config';
import { ProcessTraces, type TracesOptions } from '../../src/node/traces';
import { Transport } from '../../src/node/transport';
import { createLog } from '../../src/shell/log';
import { BATCH_SPANS } from '../../src/shell/span-queue';
import { request } from '../core/heads';
import { type Collector, startCollector } from '../upstream/collector';
import { until } from '../upstream/scene';

/** Longer than any test. */
const NEVER = 3_600_000;

let collector: Collector;
const ends: (() => void)[] = [];
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await collector.stop();
  expect(collector.accusations).toEqual([]);
});

function scene(options: Partial<TracesOptions> = {}) {
  const config = readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) });
  const transport = new Transport(config.timeouts);
  if (!config.tracing) throw new Error('nothing is traced');
  const traces = new ProcessTraces({
    tracing: config.tracing,
    transport,
    log,
    isFrozenSoon: false,
    interval: NEVER,
    ...options,
  });
  ends.push(() => transport.close());
  const serve = (count = 1) => {
    for (let index = 0; index < count; index += 1) {
      const head = request('GET /v2/');
      const record = { id: 'r', startedAt: performance.now(), bytes: 0, resumed: 0, waited: 0 };
      const ending = { config, head, route: undefined, status: 200, isWhole: true, hasLeft: false, record };
      traces.begin(head)?.notes?.end(ending);
    }
  };
  const said = () => lines.map((line) => JSON.parse(line).msg);
  return { traces, serve, said, lines };
}

const arrived = (count: number) => until(() => collector.spans.length >= count);

describe('the traces of a process', () => {
  test('are exported in the background, several at once', async () => {
    const { traces, serve } = scene({ interval: 10 });
    serve(3);
    expect(await arrived(3)).toBe(true);
    expect(collector.requests).toHaveLength(1);
    serve();
    expect(await arrived(4)).toBe(true);
    await traces.close(1000);
  });

  test('are exported before their time where there are many', async () => {
    const { traces, serve } = scene();
    serve(BATCH_SPANS - 1);
    await sleep(50);
    expect(collector.requests).toHaveLength(0);
    serve();
    expect(await arrived(BATCH_SPANS)).toBe(true);
    await traces.close(1000);
  });

  test('are exported at the end of each request where a process is frozen after it', async () => {
    const { traces, serve } = scene({ isFrozenSoon: true });
    serve();
    expect(await arrived(1)).toBe(true);
    serve();
    expect(await arrived(2)).toBe(true);
    await traces.close(1000);
  });

  test('are all there when it ends, and nothing after that', async () => {
    const { traces, serve, said } = scene();
    serve(BATCH_SPANS * 2 - 5);
    await traces.close(10_000);
    expect(collector.spans).toHaveLength(BATCH_SPANS * 2 - 5);
    serve();
    await sleep(30);
    expect([collector.spans.length, said()]).toEqual([BATCH_SPANS * 2 - 5, []]);
  });

  test('have the span of the request with which it ends', async () => {
    const { traces, serve, said } = scene();
    const closing = traces.close(10_000);
    serve();
    await closing;
    expect([collector.spans.length, said()]).toEqual([1, []]);
  });

  test('do not keep it from ending where the collector does not answer, and what is lost is said', async () => {
    const { traces, serve, lines } = scene();
    collector.fail(/./, { kind: 'silence' }, 9);
    serve(4);
    await traces.close(100);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ msg: 'spans dropped', spans: 4 }]);
  });

  test('are tried again after a pause, and nobody waits for them meanwhile', async () => {
    const { traces, serve, said } = scene({ isFrozenSoon: true });
    collector.fail(/./, { kind: 'status', status: 503 }, 1);
    serve();
    expect(await until(() => said().length === 1)).toBe(true);
    serve(3);
    await traces.flush(10_000);
    expect([collector.requests.length, collector.spans.length]).toEqual([1, 0]);
    await traces.close(10_000);
    expect([collector.spans.length, said()]).toEqual([4, ['traces cannot be exported', 'traces are exported again']]);
  });

  test('are waited for by whoever is frozen after it', async () => {
    const { traces, serve } = scene();
    serve(2);
    await traces.flush(10_000);
    expect(collector.spans).toHaveLength(2);
    await traces.flush(10_000);
    expect(collector.requests).toHaveLength(1);
    await traces.close(1000);
  });
});
