// Runs the built Worker on the real workerd, with KV and R2 of its simulator, behind the simulator's edge.
//   node worker-host.mjs <file of WorkerOptions in JSON>     says `{"msg":"listening"}`, then prints what the Worker logs
import { readFileSync } from 'node:fs';
import { Log, LogLevel, Miniflare } from 'miniflare';

const { port, script, bindings, rows, bucket, key, certificate } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const miniflare = new Miniflare({
  log: new Log(LogLevel.NONE),
  modules: true,
  script: readFileSync(script, 'utf8'),
  // As deploy/cloudflare/wrangler.jsonc has it.
  compatibilityDate: '2026-04-01',
  host: '127.0.0.1',
  port,
  https: true,
  httpsKey: readFileSync(key, 'utf8'),
  httpsCert: readFileSync(certificate, 'utf8'),
  bindings,
  ...(rows && { kvNamespaces: ['REGISTRY_MAPS'] }),
  ...(bucket && { r2Buckets: ['REGISTRY_CACHE'], r2Persist: bucket }),
  handleRuntimeStdio(stdout, stderr) {
    stdout.pipe(process.stdout);
    stderr.pipe(process.stderr);
  },
});

await miniflare.ready;
const maps = rows && (await miniflare.getKVNamespace('REGISTRY_MAPS'));
for (const [name, row] of Object.entries(rows ?? {})) await maps.put(name, row);
console.log(JSON.stringify({ msg: 'listening', port }));

// The simulator would end with a code of its own.
process.removeAllListeners('SIGTERM').once('SIGTERM', async () => {
  await miniflare.dispose();
  process.exit(0);
});
