// Runs a Worker on the real workerd, with KV and R2 of its simulator.
//   node worker-host.mjs <file>     JSON: {script, bindings, port?, rows?, bucket?, edge?: {key, certificate}}, of which most are files
// Says `{"msg":"listening","port":…,"workerd":…}`, then prints what the Worker logs. With `edge` the simulator's own edge stands
// before the Worker and speaks TLS; without it the port is the Worker's itself, and nothing but workerd is measured.
import { readFileSync } from 'node:fs';
import { Log, LogLevel, Miniflare } from 'miniflare';

const { script, bindings, port = 0, rows, bucket, edge } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const host = '127.0.0.1';
const deployed = JSON.parse(
  readFileSync(new URL('../../deploy/cloudflare/wrangler.jsonc', import.meta.url), 'utf8').replace(/^ *\/\/.*$/gm, ''),
);

const miniflare = new Miniflare({
  log: new Log(LogLevel.NONE),
  modules: true,
  script: readFileSync(script, 'utf8'),
  compatibilityDate: deployed.compatibility_date,
  compatibilityFlags: deployed.compatibility_flags,
  ...(edge
    ? {
        host,
        port,
        https: true,
        httpsKey: readFileSync(edge.key, 'utf8'),
        httpsCert: readFileSync(edge.certificate, 'utf8'),
      }
    : { unsafeDirectSockets: [{ host, port }] }),
  bindings,
  ...(rows && { kvNamespaces: ['REGISTRY_MAPS'] }),
  ...(bucket && { r2Buckets: ['REGISTRY_CACHE'], r2Persist: bucket }),
  handleRuntimeStdio(stdout, stderr) {
    stdout.pipe(process.stdout);
    stderr.pipe(process.stderr);
  },
});

const url = edge ? await miniflare.ready : await miniflare.unsafeGetDirectURL();
const maps = rows && (await miniflare.getKVNamespace('REGISTRY_MAPS'));
for (const [name, row] of Object.entries(rows ?? {})) await maps.put(name, row);
const [workerd] = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').map(Number);
console.log(JSON.stringify({ msg: 'listening', port: Number(url.port), workerd }));

// The simulator would end with a code of its own.
process.removeAllListeners('SIGTERM').once('SIGTERM', async () => {
  await miniflare.dispose();
  process.exit(0);
});
