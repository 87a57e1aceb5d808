// Stands between the clients and a proxy, and keeps all that the proxy says.
//   node tap.mjs <port> <port of the proxy> <file>     says "ready"
import { appendFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const [port, proxyPort, file] = process.argv.slice(2);

createServer((client) => {
  const proxy = connect(Number(proxyPort), '127.0.0.1');
  for (const [one, other] of [
    [client, proxy],
    [proxy, client],
  ]) {
    // After an end of its own, what was piped is still on its way: to destroy the other side then would cut a body short.
    one.on('close', (isFaulty) => (isFaulty || !one.readableEnded ? other.destroy() : other.end()));
    one.on('error', () => {});
    one.pipe(other);
  }
  proxy.on('data', (chunk) => appendFileSync(file, chunk));
}).listen(Number(port), () => console.log('ready'));
