import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { RuntimeApi } from '../../src/node/lambda-api';
import { serveInvocation } from '../../src/node/lambda-exchange';
import { pour, settle } from '../../src/node/lambda-stream';
import { createLog } from '../../src/shell/log';
import { until } from '../upstream/scene';

const HOST = 'abcdef.lambda-url.eu-central-1.on.aws';
const head = { statusCode: 200, headers: {}, cookies: [] };

let server: Server;
let api: RuntimeApi;
let bodies: string[];

/** A platform that takes all that it is told, and answers as it is told to. */
async function platform(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<void> {
  bodies = [];
  server = createServer(async (request, response) => {
    request.on('error', () => {});
    let text = '';
    for await (const chunk of request) text += chunk;
    bodies.push(text);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  api = new RuntimeApi(`127.0.0.1:${(server.address() as AddressInfo).port}`);
}

afterEach(() => {
  api.close();
  server.closeAllConnections();
  server.close();
});

describe('a platform that takes an answer and never says so', () => {
  test.each(['streamed', 'document'])('holds nobody up longer than the time there is: %s', async (kind) => {
    await platform(() => {});
    const cut = new AbortController();
    const body = Readable.from([Buffer.from('bytes')]);
    const ending =
      kind === 'streamed'
        ? pour(api, 'one', { body }, { head, filler: '' }, cut.signal)
        : settle(api.document('one', {}), cut.signal);
    expect(await until(() => bodies.length === 1)).toBe(true);
    cut.abort(new Error('late'));
    expect(await ending).toBe(kind === 'streamed' ? 'the platform says nothing' : undefined);
  });

  test('has its word awaited for a moment where the time is over already', async () => {
    await platform((_, response) => void response.writeHead(202).end());
    expect(await settle(api.document('one', {}), AbortSignal.abort())).toBe(202);
  });
});

const invoke = (headers: Record<string, string>, serve: Parameters<typeof serveInvocation>[0]['serve']) => {
  const context = { domainName: HOST, http: { method: 'GET', sourceIp: '192.0.2.1' } };
  const event = { rawPath: '/v2/', rawQueryString: '', headers, requestContext: context };
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  const invocation = { id: 'one', event, deadline: Date.now() + 20_000 };
  return serveInvocation({ api, serve, log }, invocation, new AbortController().signal);
};
const told = () => {
  const [prelude = '', body = ''] = (bodies[0] ?? '').split('\0'.repeat(8));
  return { ...(JSON.parse(prelude) as { statusCode: number; headers: Record<string, string> }), body };
};

test('a head that is too large is refused in the words of registries, whole', async () => {
  await platform((_, response) => void response.writeHead(202).end());
  await invoke({ 'x-large': 'a'.repeat(20_000) }, () => {});
  expect(told()).toMatchObject({ statusCode: 431, body: expect.stringContaining('larger than 16 KiB') });
});

test('an answer without a byte does not say that it has none: a line break stands in for it', async () => {
  await platform((_, response) => void response.writeHead(202).end());
  await invoke({}, (_, response) => void response.writeHead(401, { 'content-length': '0' }).end());
  expect(told()).toMatchObject({ statusCode: 401, body: '\n' });
  expect(told().headers['content-length']).toBeUndefined();
});
