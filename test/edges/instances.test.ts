import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { ask } from '../upstream/client';
import { until } from '../upstream/scene';
import { type Echo, startEcho } from './echo';
import { startEdge } from './gateway';
import { holdInstances, type Instance } from './instances';
import { plainEdge } from './plain-edge';

/** As the kernel has it: `T` where the process was stopped in its tracks. */
function stateOf(pid: number): string {
  if (process.platform === 'linux') return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.charAt(0) ?? '';
  return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .charAt(0);
}

const echos: Echo[] = [];
const start = async (): Promise<Instance> => {
  const echo = await startEcho();
  echos.push(echo);
  return { port: echo.port };
};

afterEach(() => {
  for (const echo of echos.splice(0)) echo.close();
});

describe('instances', () => {
  it('are started where all others are busy, and used again where one is not', async () => {
    const instances = holdInstances([], { concurrency: 1, start, freezes: false });
    const gateway = await startEdge(plainEdge(), instances);
    const both = await Promise.all([
      ask(`${gateway.url}/?size=10&pause=300`),
      ask(`${gateway.url}/?size=10&pause=300`),
    ]);
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    expect(instances.all).toHaveLength(2);
    await ask(gateway.url);
    expect(instances.all).toHaveLength(2);
    await gateway.close();
  });

  it('serve as many requests at once as they may', async () => {
    const instances = holdInstances([await start()], { concurrency: 3, start, freezes: false });
    const taken = [await instances.take(), await instances.take(), await instances.take()];
    expect(instances.all).toHaveLength(1);
    taken.push(await instances.take());
    expect(instances.all).toHaveLength(2);
    for (const one of taken) instances.giveBack(one);
    await instances.take();
    expect(instances.all).toHaveLength(2);
  });

  it('are gone again where they do not start', async () => {
    const fails = async () => {
      throw new Error('no such file');
    };
    const instances = holdInstances([], { concurrency: 1, start: fails, freezes: false });
    await expect(instances.take()).rejects.toThrow('no such file');
    expect(instances.all).toEqual([]);
  });

  // Windows has no such signals.
  (process.platform === 'win32' ? it.skip : it)('stand still without a request, and go on with the next', async () => {
    const child = spawn(process.execPath, ['-e', "console.log('up'); setInterval(() => {}, 10)"]);
    await once(child.stdout, 'data');
    const pid = Number(child.pid);
    const { port } = await start();
    const instances = holdInstances([{ port, pid }], { concurrency: 2, freezes: true });
    const [one, other] = [await instances.take(), await instances.take()];
    instances.giveBack(one);
    expect([stateOf(pid), instances.frozen]).toEqual([expect.stringMatching(/[SR]/), 0]);
    instances.giveBack(other);
    expect([await until(() => stateOf(pid) === 'T'), instances.frozen]).toEqual([true, 1]);
    await instances.take();
    expect(await until(() => stateOf(pid) !== 'T')).toBe(true);
    instances.thaw();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
