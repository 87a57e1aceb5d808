import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { COMPATIBILITY_DATE } from '../worker-runtime';
import { root } from './sources';

/** Calls a function of a Worker by its name; what it is given and gives back travels as JSON. */
export type Call = <T>(name: string, given: object) => Promise<T>;

/**
 * Real workerd that runs functions of ours, to see that they need nothing of Node.
 * @param source of a module that exports an object `work` of functions; its imports are relative to src
 */
export async function startInWorkerd(source: string): Promise<{ call: Call; stop: () => Promise<void> }> {
  // Whatever needs Node, and is not found for a Worker, fails the build.
  const { outputFiles } = await build({
    stdin: { contents: `${source}${HANDLER}`, resolveDir: join(root, 'src') },
    bundle: true,
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const flare = new Miniflare({
    modules: true,
    script: outputFiles[0].text,
    compatibilityDate: COMPATIBILITY_DATE,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  });
  const url = await flare.unsafeGetDirectURL();
  return {
    async call<T>(name: string, given: object) {
      const response = await fetch(url, { method: 'POST', body: JSON.stringify([name, given]) });
      if (!response.ok) throw new Error(await response.text());
      return (await response.json()) as T;
    },
    stop: () => flare.dispose(),
  };
}

const HANDLER = `
  export default {
    async fetch(request) {
      const [name, given] = await request.json();
      try {
        return Response.json(await work[name](given));
      } catch (error) {
        return new Response(error.message, { status: 500 });
      }
    },
  };`;
