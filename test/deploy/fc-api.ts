import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiCall {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

export interface FcApi {
  endpoint: string;
  calls: ApiCall[];
  close(): Promise<void>;
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** A stand-in for the API of Function Compute (version 2023-03-30): it takes signed calls, and remembers them. */
export async function startFcApi(accessKeyId: string): Promise<FcApi> {
  const calls: ApiCall[] = [];
  const functions = new Set<string>();
  const server = createServer(async (request, response) => {
    const raw = await read(request);
    const method = request.method ?? '';
    const path = request.url ?? '';
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-fc-request-id': '1-0-0' });
      response.end(JSON.stringify(body));
    };
    const refuse = (status: number, Code: string, Message: string) =>
      answer(status, { Code, Message, RequestId: '1-0-0' });

    const authorization = request.headers.authorization ?? '';
    const digest = createHash('sha256').update(raw).digest('hex');
    if (!authorization.startsWith(`ACS3-HMAC-SHA256 Credential=${accessKeyId},`)) {
      return refuse(403, 'InvalidAccessKeyID', 'the call is not signed');
    }
    if (request.headers['x-acs-content-sha256'] !== digest) {
      return refuse(403, 'SignatureNotMatch', 'the body is not the one that was signed');
    }
    const body = raw.length === 0 ? {} : (JSON.parse(raw.toString()) as Record<string, unknown>);
    calls.push({ method, path, body });

    const [, version, kind, name, part, last] = path.split('/');
    if (version !== '2023-03-30') return refuse(404, 'PathNotSupported', path);
    if (kind === 'custom-domains' && method === 'POST') return answer(200, body);
    if (kind !== 'functions') return refuse(404, 'PathNotSupported', path);
    if (method === 'POST' && name === undefined) {
      functions.add(String(body.functionName));
      const layers = ((body.layers ?? []) as string[]).map((arn) => ({ arn, size: 1 }));
      return answer(200, { ...body, code: undefined, layers });
    }
    if (name === undefined || !functions.has(name)) return refuse(404, 'FunctionNotFound', `no function ${name}`);
    if (method === 'POST' && part === 'triggers' && last === undefined) {
      if (body.triggerType !== 'http') return refuse(400, 'InvalidArgument', 'triggerType');
      const host = `${name}-abcdefghij.cn-hongkong.fcapp.run`;
      return answer(200, { ...body, httpTrigger: { urlInternet: `https://${host}` } });
    }
    if (method === 'PUT' && part === 'concurrency') return answer(200, body);
    return refuse(405, 'MethodNotSupported', `${method} ${path}`);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
