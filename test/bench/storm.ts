import { createHash } from 'node:crypto';
import { get, type IncomingMessage, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { chance } from './chance';
import { ACCEPT } from './image-pull';
import type { Content } from './noise';
import { stormImage } from './storm-images';

export interface Storm {
  readonly url: string;
  readonly seed: string;
  readonly clients: number;
  readonly seconds: number;
}

export interface Damage {
  pulls: number;
  /** Pulls of which a part could not be had by any attempt. */
  failed: number;
  /** Whole answers that are not what their digest says. */
  wrong: number;
  /** Answers to Range that are not that part; what a registry sends wrong in answer to one cannot be known by anybody. */
  wrongParts: number;
  /** Attempts after the first, of a part. */
  again: number;
  /** Blobs that the client went on with after a cut. */
  resumed: number;
  bytes: number;
  /** Why attempts have failed, and how often. */
  readonly faults: Record<string, number>;
  /** What Cache-Status said of answers, and how often. */
  readonly cacheStatus: Record<string, number>;
}

/** For each part of an image; docker does that for layers, Kubernetes for pulls, and for longer. */
const ATTEMPTS = 5;
/** containerd: answers of 408 and 429 to one request, and cuts of one body that bring nothing. */
const ANSWERS = 5;
const VAIN = 3;
const PATIENCE = 30_000;

/** Clients that pull through a proxy for so long, and hash all they get. */
export async function storm({ url, seed, clients, seconds }: Storm): Promise<Damage> {
  const damage: Damage = {
    pulls: 0,
    failed: 0,
    wrong: 0,
    wrongParts: 0,
    again: 0,
    resumed: 0,
    bytes: 0,
    faults: {},
    cacheStatus: {},
  };
  const endsAt = performance.now() + seconds * 1000;
  let started = 0;
  const client = async (name: number) => {
    for (let turn = 0; performance.now() < endsAt; turn += 1) {
      started += 1;
      // Most want the newest image, with others at the same time; some an older one.
      const newest = Math.floor(started / 4);
      const isOld = chance(seed, name, turn, 'old') < 0.4;
      const number = isOld ? Math.floor(newest * chance(seed, name, turn, 'which')) : newest;
      const mood = chance(seed, name, turn, 'mood');
      const puller = new Puller(url, seed, number, damage);
      if (mood < 0.05) await puller.leave(chance(seed, name, turn, 'when'));
      else if (mood < 0.15) await puller.readPart(chance(seed, name, turn, 'where'));
      else await puller.pull();
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, name) => client(name)));
  return damage;
}

class Puller {
  readonly #base: string;
  readonly #image: ReturnType<typeof stormImage>;
  readonly #damage: Damage;

  constructor(url: string, seed: string, number: number, damage: Damage) {
    this.#base = `${url}/v2/storm/${number}`;
    this.#image = stormImage(seed, number);
    this.#damage = damage;
  }

  async pull(): Promise<void> {
    this.#damage.pulls += 1;
    const { manifest, config, layers } = this.#image;
    const resolve = async () => {
      const head = await this.#open('manifests/latest', 'HEAD');
      head.resume();
      if (head.headers['docker-content-digest'] !== manifest.digest) throw new Error('the tag is another');
    };
    const steps = [
      resolve,
      () => this.#whole(`manifests/${manifest.digest}`, manifest),
      ...[config, ...layers].map((blob) => () => this.#whole(`blobs/${blob.digest}`, blob)),
    ];
    for (const step of steps) {
      if (await this.#insist(step)) continue;
      this.#damage.failed += 1;
      return;
    }
  }

  async #insist(step: () => Promise<void>): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await step();
        return true;
      } catch (error) {
        const why = (error as Error).message;
        this.#damage.faults[why] = (this.#damage.faults[why] ?? 0) + 1;
        if (attempt === ATTEMPTS) return false;
        this.#damage.again += 1;
        await setTimeout(200 * attempt);
      }
    }
  }

  /** Goes away in the middle of a layer. */
  async leave(share: number): Promise<void> {
    const [layer] = this.#image.layers;
    const answer = await this.#open(`blobs/${layer?.digest}`).catch(() => undefined);
    if (!answer) return;
    await setTimeout(share * 50);
    answer.destroy();
  }

  async readPart(share: number): Promise<void> {
    const layer = this.#image.layers.at(-1) as Content;
    const first = Math.floor(share * layer.size);
    const length = Math.min(layer.size - first, 100_000);
    const range = `bytes=${first}-${first + length - 1}`;
    try {
      const answer = await this.#open(`blobs/${layer.digest}`, 'GET', range);
      const bytes = Buffer.concat(await collect(answer));
      const place = new RegExp(`^bytes ${first}-${first + length - 1}/${layer.size}$`);
      const isPart = answer.statusCode === 206 && place.test(answer.headers['content-range'] ?? '');
      const truth = isPart ? layer.read(first, length) : layer.read(0, layer.size);
      if ((isPart || answer.statusCode === 200) && bytes.length === truth.length && !bytes.equals(truth)) {
        this.#damage.wrongParts += 1;
        const why = `a wrong part, which was ${String(answer.headers['cache-status'] ?? '')
          .split(';')[1]
          ?.trim()}`;
        this.#damage.faults[why] = (this.#damage.faults[why] ?? 0) + 1;
      }
    } catch {
      // A client that reads parts asks again; whole pulls are what is counted.
    }
  }

  /** Goes on where it was cut, as containerd does. */
  async #whole(path: string, { digest, size }: Content): Promise<void> {
    const hash = createHash('sha256');
    let offset = 0;
    let vain = 0;
    let isOneAnswer = false;
    while (offset < size) {
      const before = offset;
      const answer = await this.#open(path, 'GET', offset === 0 ? undefined : `bytes=${offset}-`);
      let skip = answer.statusCode === 206 ? 0 : offset;
      const place = answer.headers['content-range'];
      if (answer.statusCode === 206 && !place?.startsWith(`bytes ${offset}-`)) throw new Error('another part came');
      try {
        for await (const piece of answer as AsyncIterable<Buffer>) {
          const taken = piece.subarray(Math.min(skip, piece.length));
          skip -= piece.length - taken.length;
          hash.update(taken);
          offset += taken.length;
          this.#damage.bytes += taken.length;
        }
        isOneAnswer = before === 0 && answer.complete;
        if (offset < size && isOneAnswer) {
          this.#damage.wrong += 1;
          throw new Error('a whole answer is too short');
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      }
      if (offset >= size) break;
      this.#damage.resumed += 1;
      vain = offset > before ? 0 : vain + 1;
      if (vain > VAIN) throw new Error('cut again and again');
    }
    if (`sha256:${hash.digest('hex')}` === digest && offset === size) return;
    if (isOneAnswer) this.#damage.wrong += 1;
    throw new Error(isOneAnswer ? 'a whole answer is wrong' : 'wrong, and cut');
  }

  /** Asks again as containerd does. Throws on any other status than 200 and 206. */
  async #open(path: string, method = 'GET', range?: string): Promise<IncomingMessage> {
    for (let nth = 1; ; nth += 1) {
      const answer = await ask(`${this.#base}/${path}`, method, range);
      const { statusCode = 0, headers } = answer;
      if (statusCode === 200 || statusCode === 206) {
        const [status = 'none'] = String(headers['cache-status'] ?? 'none').split('; detail');
        const key = `${path.replace(/\/.*/, '')} ${status.replace(/-?\d+/g, 'n')}`;
        this.#damage.cacheStatus[key] = (this.#damage.cacheStatus[key] ?? 0) + 1;
        return answer;
      }
      answer.resume();
      if ((statusCode !== 429 && statusCode !== 408) || nth === ANSWERS) {
        throw new Error(`${method} of ${path.replace(/\/.*/, '')}: ${statusCode}`);
      }
      // It does not wait; the tests do, or five answers would be five of one moment.
      await setTimeout(100);
    }
  }
}

function ask(url: string, method: string, range: string | undefined): Promise<IncomingMessage> {
  const headers = { accept: ACCEPT, ...(range === undefined ? {} : { range }) };
  return new Promise((resolve, reject) => {
    const asked = (method === 'GET' ? get : request)(
      url,
      { method, headers, agent: false, timeout: PATIENCE },
      resolve,
    );
    asked.on('timeout', () => asked.destroy(new Error('nothing came for 30 s')));
    asked.on('error', reject);
    asked.end();
  });
}

async function collect(answer: IncomingMessage): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece);
  return pieces;
}
