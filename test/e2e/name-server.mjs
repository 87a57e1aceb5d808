// A name server on loopback that knows what /etc/hosts says: nginx asks a name server and never looks there itself.
//   node name-server.mjs     says "ready"
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';

const addresses = new Map(
  readFileSync('/etc/hosts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .map(([address, name]) => [name, address]),
);

const socket = createSocket('udp4');
socket.on('message', (query, { port, address }) => {
  const labels = [];
  let at = 12;
  for (; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  const question = query.subarray(12, at + 5);
  const found = addresses.get(labels.join('.').toLowerCase());
  const isA = query.readUInt16BE(at + 1) === 1;
  // An answer points at the name in the question: type A, class IN, 5 s, 4 bytes.
  const answer =
    found && isA
      ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...found.split('.').map(Number)])
      : Buffer.alloc(0);
  const head = Buffer.from([
    query[0],
    query[1],
    0x81,
    found ? 0x80 : 0x83,
    0,
    1,
    0,
    answer.length > 0 ? 1 : 0,
    0,
    0,
    0,
    0,
  ]);
  socket.send(Buffer.concat([head, question, answer]), port, address);
});
socket.bind(53, '127.0.0.1', () => console.log('ready'));
