import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { root } from '../tools/sources';
import { freePort, spawnClean, stop } from './processes';
import { type Figure, median, type Outcome, round, rounded } from './result';
import type { Runtime, Stage } from './stage';

const MAX_RATIO = 2;

interface Variant {
  readonly name: string;
  readonly program: string;
  readonly runtime: Runtime;
  readonly path: string;
  readonly times: number[];
}

/** From spawning the process to the first byte of its first answer, beside a bare node:http server. */
export async function start(stage: Stage): Promise<Outcome> {
  const upstream = await stage.startUpstream();
  const backend = `http://127.0.0.1:${upstream.listening.plain}`;
  const rounds = stage.choose(5, 30, 60);
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = { rounds };
  for (const runtime of stage.runtimes) {
    const variant = (name: string, program: string, path: string): Variant => ({
      name,
      program,
      runtime,
      path,
      times: [],
    });
    const bare = variant('bare node:http', stage.peer('bare-server'), '/');
    const own = variant('own page', stage.bundle, '/-/healthz');
    const proxied = variant('proxied', stage.bundle, '/v2/');
    const plain = variant('plain https.get, proxied', stage.peer('plain-proxy'), '/v2/');
    const naive = variant('express + http-proxy-middleware', stage.peer('naive-express'), '/-/healthz');
    const all = [bare, own, proxied, plain, naive];
    for (let index = -1; index < rounds; index += 1) {
      for (const each of index % 2 === 0 ? all : all.toReversed()) {
        const time = await startOnce(each, backend, stage.folder);
        if (index >= 0) each.times.push(time);
      }
    }
    const multiple = ({ times }: Variant) => round(median(times) / median(bare.times));
    const milliseconds = ({ name, times }: Variant) => `${name} ${round(median(times), 1)} ms`;
    figures.push({
      what: 'Start to first answer, as a multiple of a bare node:http server',
      node: runtime.version,
      value: multiple(own),
      unit: '×',
      atMost: MAX_RATIO,
      peer: `${[own, bare, naive].map(milliseconds).join(', ')} (${multiple(naive)} ×)`,
    });
    figures.push({
      what: 'Start to first proxied answer, as a multiple of a bare node:http server',
      node: runtime.version,
      value: multiple(proxied),
      unit: '×',
      peer: [proxied, plain].map(milliseconds).join(', '),
    });
    raw[runtime.version] = Object.fromEntries(
      all.map(({ name, times }) => [
        name,
        { median: round(median(times)), fastest: round(Math.min(...times)), all: rounded(times, 1) },
      ]),
    );
  }
  await upstream.stop();

  const bytes = readFileSync(stage.bundle);
  const filling = await describeBundle(stage.folder);
  figures.push({
    what: 'Size of dist/bundle.js',
    node: '',
    value: round(bytes.length / 1000, 1),
    unit: 'KB',
    peer: `${round(gzipSync(bytes).length / 1000, 1)} KB with gzip`,
  });
  return {
    figures,
    notes: [
      `Median of ${rounds} starts, all variants in turns, without a code cache, with an empty environment: \`NODE_EXTRA_CA_CERTS\` and V8 flags slow every start. The first proxied answer comes from a registry on loopback over plain HTTP.`,
      `What fills the bundle: ${filling.map(({ owner, size }) => `${owner} ${size} KB`).join(', ')}.`,
    ],
    raw: { ...raw, bundle: { bytes: bytes.length, filling } },
  };
}

async function startOnce(variant: Variant, backend: string, folder: string): Promise<number> {
  const port = await freePort();
  const env = { HOST: '127.0.0.1', PORT: String(port), REGISTRY_BACKEND: backend, BACKEND: backend };
  const startedAt = performance.now();
  const child = spawnClean(variant.runtime.binary, [variant.program], env, folder);
  child.stdout.resume();
  const deadline = startedAt + 10_000;
  try {
    while (!(await answers(port, variant.path))) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${variant.name} does not start`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return performance.now() - startedAt;
  } finally {
    await stop(child);
  }
}

/** False where nobody listens yet. */
function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.once('data', (head) => {
      socket.destroy();
      if (head.toString('latin1').startsWith('HTTP/1.1 200')) resolve(true);
      else reject(new Error(`${path} is answered: ${head.toString('latin1').slice(0, 80)}`));
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  });
}

/** As the build prints it: size and owner, largest first. */
async function describeBundle(folder: string): Promise<{ owner: string; size: number }[]> {
  const outdir = join(folder, 'again');
  const { stdout } = await promisify(execFile)(process.execPath, ['esbuild.config.mjs', '--outdir', outdir], {
    cwd: root,
  });
  return [...stdout.matchAll(/^ *([\d.]+) KB {4}(\S+)$/gm)]
    .map(([, size, owner = '']) => ({ owner, size: Number(size) }))
    .filter(({ size }) => size >= 1);
}
