// Asks for one thing again and again over connections that stay open, and says how often it was answered:
//   GET /?url=…&method=HEAD&field=…&connections=32&seconds=1&most=100000
// Requests and responses are written and read by hand, which costs next to nothing beside what is measured.
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

interface Load {
  readonly url: URL;
  readonly method: string;
  /** Fields of each request, as curl takes them. */
  readonly fields: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests after which it ends, if the time does not come first. */
  readonly most: number;
}

interface Tally {
  requests: number;
  seconds: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

async function run(load: Load): Promise<Tally> {
  const lanes = Array.from({ length: load.connections }, () => new Lane(load));
  await Promise.all(lanes.map((lane) => lane.connected));
  const startedAt = performance.now();
  const endsAt = startedAt + load.seconds * 1000;
  let asked = 0;
  const goesOn = () => asked < load.most && performance.now() < endsAt && ++asked > 0;
  const counts = await Promise.all(lanes.map((lane) => lane.ask(goesOn)));
  const seconds = (performance.now() - startedAt) / 1000;
  return { requests: counts.reduce((sum, count) => sum + count, 0), seconds };
}

/** One connection, one request after the other. */
class Lane {
  readonly connected: Promise<void>;
  readonly #socket: Socket;
  readonly #request: string;
  readonly #isHead: boolean;
  #unread: Buffer = NOTHING;
  #count = 0;
  #goesOn: () => boolean = () => false;
  #end: (error?: Error) => void = () => {};

  constructor({ url, method, fields }: Load) {
    this.#request = `${[`${method} ${url.pathname} HTTP/1.1`, `Host: ${url.host}`, ...fields].join('\r\n')}\r\n\r\n`;
    this.#isHead = method === 'HEAD';
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(64 * 1024),
        callback: (count: number, buffer: Uint8Array) => this.#take(Buffer.from(buffer.buffer, 0, count)),
      },
    });
    this.connected = new Promise((resolve, reject) => this.#socket.once('connect', resolve).once('error', reject));
    this.#socket.once('close', () => this.#end(new Error('the connection was closed')));
  }

  ask(goesOn: () => boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#goesOn = goesOn;
      this.#end = (error) => (error ? reject(error) : resolve(this.#count));
      this.#next();
    });
  }

  #next(): void {
    if (this.#goesOn()) return void this.#socket.write(this.#request);
    this.#end();
    this.#socket.destroy();
  }

  /** The buffer is used again for the next piece. */
  #take(piece: Buffer): boolean {
    const all = this.#unread === NOTHING ? piece : Buffer.concat([this.#unread, piece]);
    const end = all.indexOf(HEAD_END);
    if (end < 0 || all.length < end + 4 + this.#bodyLength(all, end)) {
      this.#unread = Buffer.from(all);
      return true;
    }
    this.#unread = NOTHING;
    const status = all.toString('latin1', 9, 12);
    if (status === '200') {
      this.#count += 1;
      this.#next();
    } else {
      this.#end(new Error(`the answer is ${status}`));
      this.#socket.destroy();
    }
    return true;
  }

  #bodyLength(all: Buffer, end: number): number {
    return this.#isHead ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(all.toString('latin1', 0, end))?.[1]);
  }
}

const server = createServer(async (req, res) => {
  const { searchParams } = new URL(req.url ?? '', 'http://load');
  const number = (name: string) => Number(searchParams.get(name));
  const outcome = await run({
    url: new URL(searchParams.get('url') ?? ''),
    method: searchParams.get('method') ?? 'GET',
    fields: searchParams.getAll('field'),
    connections: number('connections'),
    seconds: number('seconds'),
    most: number('most'),
  }).catch(({ message }: Error) => ({ fault: message }));
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify(outcome));
});

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port })}\n`);
});
