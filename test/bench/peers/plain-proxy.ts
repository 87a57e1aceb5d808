// The shortest proxy there is: `https.get`, piped to the response. BACKEND is its upstream; redirects are followed.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

const secure = new https.Agent({ keepAlive: true });
const open = new http.Agent({ keepAlive: true });

const server = http.createServer((req, res) => {
  const get = (url: string) => {
    const isSecure = url.startsWith('https:');
    const onResponse = (response: IncomingMessage) => {
      const { statusCode = 502, headers } = response;
      if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
        res.writeHead(statusCode, headers);
        return void pipeline(response, res, () => {});
      }
      response.resume();
      get(headers.location);
    };
    const request = isSecure
      ? https.get(url, { agent: secure }, onResponse)
      : http.get(url, { agent: open }, onResponse);
    request.on('error', () => res.destroy());
  };
  get(`${process.env.BACKEND}${req.url}`);
});

server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port })}\n`);
});
