// A platform's edge and its instances of the bundle, as a program: for tests that live in namespaces.
//   main.ts <configuration.json>     says "listening"; writes a line of JSON for each answer and each instance
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cloudRunEdge } from '../cloudrun/edge';
import { fcEdge } from '../fc-gateway/gateway';
import { scfEdge } from '../scf-gateway/edge';
import { startEdge } from './gateway';
import { holdInstances, type Instance } from './instances';

export interface HostedEdge {
  platform: keyof typeof EDGES;
  port: number;
  command: string[];
  cwd: string;
  env: Record<string, string>;
  concurrency: number;
}

const EDGES = { 'aliyun-fc': () => fcEdge(), 'cloud-run': () => cloudRunEdge(), 'tencent-scf': () => scfEdge() };

const note = (line: object) => console.log(JSON.stringify(line));

function startInstance({ command: [name = '', ...args], cwd, env }: HostedEdge): Promise<Instance> {
  const child = spawn(name, args, { cwd, env: { ...env, PORT: '0', LOG_FORMAT: 'json' } });
  return new Promise((done, fail) => {
    let rest = '';
    const hear = (text: Buffer) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        console.log(line);
        const { msg, port } = line.startsWith('{') ? JSON.parse(line) : {};
        if (msg !== 'listening') continue;
        note({ msg: 'instance', pid: child.pid, port });
        done({ port: Number(port), pid: child.pid });
      }
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => {
      note({ msg: 'ended', pid: child.pid, code });
      fail(new Error(`the function ended with ${code}`));
    });
    ending.push(() => child.kill('SIGTERM'));
  });
}

const ending: (() => void)[] = [];

async function run(hosted: HostedEdge): Promise<void> {
  const { concurrency, port, platform } = hosted;
  const instances = holdInstances([], { concurrency, freezes: true, start: () => startInstance(hosted) });
  const gateway = await startEdge(EDGES[platform](), instances, { port });
  note({ msg: 'edge listening', port });
  const printed = () => {
    for (const { headers: _, ...answer } of gateway.answers.splice(0)) note({ msg: 'answer', ...answer });
  };
  const timer = setInterval(printed, 100);
  process.once('SIGTERM', async () => {
    clearInterval(timer);
    printed();
    note({ msg: 'frozen', times: gateway.counts.frozen });
    await gateway.close();
    for (const end of ending) end();
  });
}

run(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as HostedEdge);
