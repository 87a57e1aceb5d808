import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProxyName, proxies } from './addresses';
import { project, workerModule } from './prepare';
import { jsonLines, type RunningProxy, until, type World } from './world';

/** Whoever pays has time enough to watch every body, to continue it and to keep it. */
export const paid = { MAX_SUBREQUESTS: '1000' };

export interface WorkerOptions {
  /** Variables and secrets. */
  env: Record<string, string>;
  /** Rows of the KV namespace REGISTRY_MAPS, which is bound where they are given. */
  rows?: Record<string, object>;
  /** Folder of the R2 bucket REGISTRY_CACHE, which is bound where it is given. */
  bucket?: string;
}

/** The built Worker on workerd, in the place of a proxy. It trusts what everything in the world trusts. */
export async function startWorker(world: World, name: ProxyName, options: WorkerOptions): Promise<RunningProxy> {
  const port = proxies[name];
  const file = join(world.folder, `${name}.json`);
  const { env: bindings, rows, bucket } = options;
  writeFileSync(
    file,
    JSON.stringify({
      port,
      script: workerModule,
      bindings,
      bucket,
      rows: rows && Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, JSON.stringify(row)])),
      edge: { key: join(world.folder, 'hosts.key'), certificate: join(world.folder, 'hosts.crt') },
    }),
    { mode: 0o600 },
  );
  const daemon = world.daemon(name, [process.execPath, join(project, 'test/tools/worker-host.mjs'), file], {
    env: { NODE_EXTRA_CA_CERTS: join(world.folder, 'ca.pem') },
  });
  const log = () => jsonLines(daemon.log());
  await until(`the Worker ${name} listens`, daemon, () => log().some(({ msg }) => msg === 'listening'));
  return { name, daemon, plain: `127.0.0.1:${port}`, log, rawLog: daemon.log, stop: () => daemon.stop() };
}
