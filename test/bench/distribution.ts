import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, type RunningServer, startSilentServer } from './processes';
import type { Stage } from './stage';

/** distribution as pull-through cache, with an empty store; undefined where Debian's docker-registry is not installed. */
export async function startDistribution(
  stage: Stage,
  backend: string,
  login?: { readonly username: string; readonly password: string },
): Promise<RunningServer | undefined> {
  const command = findProgram('docker-registry');
  if (command === undefined) return undefined;
  const port = await freePort();
  const folder = mkdtempSync(join(stage.folder, 'distribution-'));
  const configuration = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: folder } },
    http: { addr: `127.0.0.1:${port}` },
    proxy: { remoteurl: backend, ...login },
  };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(configuration), { mode: 0o600 });
  const server = await startSilentServer({
    command,
    args: ['serve', join(folder, 'config.yml')],
    env: { SSL_CERT_FILE: stage.authority },
    cwd: folder,
    ping: `http://127.0.0.1:${port}/v2/`,
    stderr: 'ignore',
  });
  return {
    ...server,
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
