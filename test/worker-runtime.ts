import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fetch, Miniflare, type Request } from 'miniflare';
import type { Runtime } from './runtimes';
import { root } from './tools/sources';
import { isPretending } from './upstream/names';

/** As deploy/cloudflare/wrangler.jsonc has them. */
export const COMPATIBILITY_DATE = '2026-04-01';
export const COMPATIBILITY_FLAGS = ['enable_request_signal'];

let built: string | undefined;

/** The module that is deployed, built once a process. */
export function builtWorker(): string {
  if (built === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'worker-'));
    execFileSync(process.execPath, ['esbuild.config.mjs', '--target', 'cloudflare', '--outdir', folder], { cwd: root });
    built = readFileSync(join(folder, 'worker.js'), 'utf8');
    rmSync(folder, { recursive: true });
  }
  return built;
}

/** Real workerd, whose own socket is asked: nothing of the simulator is between. */
export const worker = workerOf(builtWorker);

/** The same with another module in its place. */
export function workerOf(script: () => string | Promise<string>): Runtime {
  return {
    name: 'Worker',
    lacks: {
      'broken chunks':
        'workerd ends a chunked response cleanly whatever happens, so that the Worker always says the length',
      'connect-time check':
        'a Worker does not see which address it connects to; no private one is reached from Cloudflare',
      departures: 'workerd does not say that a client has left that has not been answered yet',
      'field lines': 'workerd writes all values of a field on one line',
      files: 'a Worker has no files',
      joining: 'workerd lets no request follow what another one fetches',
      platforms: 'a Worker runs on its own platform alone',
      process: 'a Worker is no process that listens, starts and stops',
      reasons: 'workerd does not say why no connection came about',
      'request line': 'workerd reads the request line and Host by itself, before the Worker',
    },
    gathers: 270_000,
    async start({ CACHE, ...env }) {
      const lines: string[] = [];
      const flare = new Miniflare({
        modules: true,
        script: await script(),
        compatibilityDate: COMPATIBILITY_DATE,
        compatibilityFlags: COMPATIBILITY_FLAGS,
        ...bucketFor(CACHE),
        // As much as the paid plan has.
        bindings: { MAX_SUBREQUESTS: '1000', ...env, ...(bucketFor(CACHE) === undefined && CACHE && { CACHE }) },
        ...(env.ADMIN_TOKEN && { kvNamespaces: ['REGISTRY_MAPS'] }),
        // Names are pretended in this process: only through it can they be reached.
        ...(isPretending() && {
          outboundService: (request: Request) => fetch(request, { redirect: 'manual' }) as never,
        }),
        unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        handleRuntimeStdio(stdout: Readable, stderr: Readable) {
          for (const stream of [stdout, stderr]) collect(stream, lines);
        },
      });
      await flare.ready;
      const { port } = await flare.unsafeGetDirectURL();
      return {
        url: `http://127.0.0.1:${port}`,
        port: Number(port),
        logs: () => lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
        stop: once(() => flare.dispose()),
        isInBucket: async (digest) => {
          const bucket = await flare.getR2Bucket('REGISTRY_CACHE');
          return (await bucket.head(`blobs/${digest.replace(':', '/')}`)) !== null;
        },
      };
    },
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

/** What other runtimes keep in memory or in a folder, this one has in a bucket. */
function bucketFor(cache: string | undefined) {
  const folder = /^disk:(.*)$/.exec(cache ?? '')?.[1];
  if (folder === undefined && cache !== 'memory') return undefined;
  return { r2Buckets: ['REGISTRY_CACHE'], ...(folder !== undefined && { r2Persist: join(folder, 'r2') }) };
}

function collect(stream: Readable, lines: string[]): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const [...whole] = `${rest}${text}`.split('\n');
    rest = whole.pop() as string;
    lines.push(...whole);
  });
}
