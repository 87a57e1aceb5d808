import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { children, exitOf, letGo, type Programs, programsIn } from './programs';

export interface Namespaces {
  programs: Programs;
  /** Ends them and everything that runs in them. */
  stop(): Promise<void>;
}

/** Private mounts, network and processes for the world in this folder. They end with the tests, however those end. */
export async function startNamespaces(folder: string): Promise<Namespaces> {
  const holder = spawn(
    'unshare',
    ['-mnpf', '--mount-proc', '--kill-child=KILL', join(__dirname, 'namespace'), folder],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  await says(holder, 'ready');
  letGo(holder);
  const [inside] = children(holder.pid as number);
  return {
    programs: programsIn(folder, inside as number),
    async stop() {
      const ended = exitOf(holder);
      holder.stdin?.end();
      await ended;
    },
  };
}

function says(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk;
      if (said.includes(word)) resolve();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the namespaces ended with ${code}\n${said}`)));
  });
}
