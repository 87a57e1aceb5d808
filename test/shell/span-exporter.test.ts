import { randomUUID } from 'node:crypto';
import { parseUrl, type Url } from '../../src/core/url';
import type { CloudFetch, CloudRequest } from '../../src/shell/cloud-request';
import { createLog } from '../../src/shell/log';
import { SpanExporter } from '../../src/shell/span-exporter';

const login = randomUUID();

function scene(answer: () => { status: number; body?: string } | Error) {
  const lines: string[] = [];
  const asked: CloudRequest[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) });
  const url = { ...(parseUrl('http://10.0.0.7:4318') as Url), path: '/otlp' };
  const exporter = new SpanExporter({ url, headers: [['authorization', login]], service: 'x', ratio: 1 }, log);
  const fetch: CloudFetch = async (request) => {
    asked.push(request);
    const given = answer();
    if (given instanceof Error) throw given;
    return { body: '', ...given };
  };
  const add = (count: number) => {
    for (let index = 0; index < count; index += 1) exporter.add(`{"name":"${index}"}`);
  };
  const said = () =>
    lines.map((line) => JSON.parse(line)).map(({ msg, why, ...rest }) => [msg, why, rest.dropped ?? rest.spans]);
  return { exporter, fetch, asked, add, said };
}

describe('an export', () => {
  test('is one request to the collector, wherever that is, with what it wants to see', async () => {
    const { exporter, fetch, asked, add, said } = scene(() => ({ status: 200 }));
    add(2);
    expect(await exporter.exportSome(fetch, 77)).toBe(true);
    expect(asked).toMatchObject([{ method: 'POST', url: { path: '/otlp/v1/traces' }, reach: 'any', within: 77 }]);
    expect(asked[0]?.headers).toContainEqual(['authorization', login]);
    const [{ resource, scopeSpans }] = JSON.parse(asked[0]?.body as string).resourceSpans;
    expect(scopeSpans[0].spans).toEqual([{ name: '0' }, { name: '1' }]);
    expect(resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'x' } });
    expect([exporter.size, said()]).toEqual([0, []]);
  });

  test('of nothing asks nobody', async () => {
    const { exporter, fetch, asked } = scene(() => ({ status: 200 }));
    expect([await exporter.exportSome(fetch), asked.length]).toEqual([true, 0]);
  });

  test.each([429, 502, 503, 504])('that meets %d is sent again', async (status) => {
    const { exporter, fetch, add } = scene(() => ({ status }));
    add(3);
    expect([await exporter.exportSome(fetch), exporter.size]).toEqual([false, 3]);
  });

  test('that nobody answers is sent again', async () => {
    const { exporter, fetch, add } = scene(() => new Error('no connection'));
    add(3);
    expect([await exporter.exportSome(fetch), exporter.size, exporter.isFailing]).toEqual([false, 3, true]);
  });

  test.each([400, 401, 403, 404, 413, 500, 301])('that is refused with %d is not', async (status) => {
    const { exporter, fetch, add } = scene(() => ({ status }));
    add(3);
    expect([await exporter.exportSome(fetch), exporter.size]).toEqual([false, 0]);
  });

  test('that fails is said once, and so is that it works again, with what was lost meanwhile', async () => {
    const answers = [{ status: 401 }, new Error('no connection'), { status: 503 }, { status: 200 }, { status: 200 }];
    const { exporter, fetch, add, said } = scene(() => answers.shift() as Error);
    for (let round = 0; round < 5; round += 1) {
      add(2);
      await exporter.exportSome(fetch);
    }
    expect(said()).toEqual([
      ['traces cannot be exported', 'the collector answers 401', 2],
      ['traces are exported again', undefined, undefined],
    ]);
  });

  test('of which the collector took only a part has lost the rest', async () => {
    const body = '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}';
    const { exporter, fetch, add, said } = scene(() => ({ status: 200, body }));
    add(5);
    expect(await exporter.exportSome(fetch)).toBe(true);
    exporter.close();
    expect(said()).toEqual([['spans dropped', undefined, 2]]);
  });

  test.each(['', 'no JSON', '[]', 'null', '{"partialSuccess":null}', '{"partialSuccess":{"rejectedSpans":-1}}'])(
    'answered with %j is taken',
    async (body) => {
      const { exporter, fetch, add, said } = scene(() => ({ status: 202, body }));
      add(1);
      expect(await exporter.exportSome(fetch)).toBe(true);
      exporter.close();
      expect(said()).toEqual([]);
    },
  );

  test('says at the end what was never exported, and no login', async () => {
    const { exporter, fetch, add, said } = scene(() => new Error('no connection'));
    add(4);
    await exporter.exportSome(fetch);
    exporter.close();
    expect(said()).toEqual([
      ['traces cannot be exported', 'no connection', undefined],
      ['spans dropped', undefined, 4],
    ]);
    expect(JSON.stringify(said())).not.toContain(login);
  });
});
