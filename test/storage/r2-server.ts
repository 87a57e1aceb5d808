import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { root } from '../tools/sources';
import { FarStore } from './far-store';

const BUCKET = 'BUCKET';

/** R2Stores in workerd, over a bucket that is Miniflare's. */
export async function startR2() {
  const miniflare = new Miniflare({
    modules: true,
    script: await bundle('test/storage/r2-worker.ts'),
    compatibilityDate: '2026-04-01',
    r2Buckets: [BUCKET],
    // What it says of requests that fail is what the tests are about.
    handleRuntimeStdio: (output: Readable, errors: Readable) => {
      output.resume();
      errors.resume();
    },
  });
  await miniflare.ready;
  return {
    /** @param prefix begins all keys; one that nobody else has where there is none */
    open: (options: { prefix?: string; fault?: string; onFault?: (error: Error) => void } = {}) => {
      const { prefix = `some/${randomUUID()}/`, fault = '', onFault } = options;
      return FarStore.open(miniflare, { prefix, fault }, onFault);
    },
    bucket: () => miniflare.getR2Bucket(BUCKET),
    stop: () => miniflare.dispose(),
  };
}

/** One module, as a Worker is deployed: without anything of Node. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, entry)],
    bundle: true,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser', 'import'],
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return (outputFiles[0] as { text: string }).text;
}
