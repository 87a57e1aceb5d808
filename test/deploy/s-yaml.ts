import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export const root = resolve(__dirname, '../..');
export const manifest = join(root, 'deploy/aliyun/s.yaml');

export interface Action {
  run: string;
  path: string;
}

export interface Trigger {
  triggerName: string;
  triggerType: string;
  description: string;
  qualifier: string;
  triggerConfig: { authType: string; disableURLInternet: boolean; methods: string[] };
}

export interface FunctionProps {
  region: string;
  functionName: string;
  code: string;
  runtime: string;
  cpu: number;
  memorySize: number;
  layers: string[];
  environmentVariables: Record<string, string>;
  customRuntimeConfig: { command: string[]; port: number; healthCheckConfig: { httpGetUrl: string } };
  triggers: Trigger[];
  concurrencyConfig?: { reservedConcurrency: number };
  customDomain?: { domainName: string; protocol: string; route: object; certConfig?: object };
  [name: string]: unknown;
}

export interface Resolved {
  edition: string;
  name: string;
  vars: Record<string, string>;
  resources: { start_express: { component: string; actions: { 'pre-deploy': Action[] }; props: FunctionProps } };
}

/** Runs the real command without the user's own settings, and without its reports to its makers. */
function serverlessDevs(home: string, words: string[], cwd = home): string {
  mkdirSync(join(home, '.s'), { recursive: true });
  writeFileSync(join(home, '.s/set-config.yml'), 'analysis: disable\n');
  const command = join(dirname(require.resolve('@serverless-devs/s/package.json')), 'bin/s');
  const run = spawnSync(process.execPath, [command, ...words], {
    cwd,
    env: { PATH: process.env.PATH, HOME: home, USERPROFILE: home, CI: 'true', NODE_ENV: 'test' },
    encoding: 'utf8',
    timeout: 15_000,
  });
  if (run.status !== 0) throw new Error(`s ${words[0]}: ${run.status} ${run.stdout}\n${run.stderr}`);
  return run.stdout;
}

/** What Serverless Devs makes of a manifest, without network. */
export function preview(text: string): Resolved {
  const home = mkdtempSync(join(tmpdir(), 's-preview-'));
  try {
    const file = join(home, 's.yaml');
    writeFileSync(file, text);
    const printed = serverlessDevs(home, ['preview', '-o', 'json', '-t', file]);
    return JSON.parse(printed.slice(printed.indexOf('{'))) as Resolved;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

export interface Deployment {
  /** What was run as Yarn, and where. */
  steps: { argument: string; cwd: string }[];
  /** What the component was handed. */
  props: FunctionProps;
  printed: string;
}

/**
 * `s deploy` for real, in a copy of the project's outline: its launcher writes down how it is called, and the component,
 * which would come from a registry of its own, is one that writes down what it is handed.
 */
export function deploy(text: string): Deployment {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 's-deploy-')));
  try {
    const component = join(home, 'component');
    const notes = join(home, 'notes');
    const write = (file: string, content: string) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    };
    const note = (value: string) =>
      `require('node:fs').appendFileSync(${JSON.stringify(notes)}, JSON.stringify(${value}) + '\\n');`;
    write(
      join(home, 'project/.yarn/launch.cjs'),
      note('{ argument: process.argv.slice(2).join(" "), cwd: process.cwd() }'),
    );
    write(join(home, 'project/deploy/aliyun/s.yaml'), text.replace('component: fc3', `component: ${component}`));
    write(join(component, 'package.json'), '{ "name": "component", "version": "1.0.0", "main": "index.js" }');
    write(
      join(component, 'index.js'),
      `exports.default = class { deploy({ props }) {
        ${note('{ props }')}
        return { url: { system_url: 'https://' + props.functionName + '-abcdefghij.' + props.region + '.fcapp.run' } };
      } };`,
    );
    const printed = serverlessDevs(home, ['deploy'], join(home, 'project/deploy/aliyun'));
    const lines = readFileSync(notes, 'utf8').trim().split('\n');
    const [{ props }, ...steps] = lines.map((line) => JSON.parse(line)).reverse();
    const isAt = (cwd: string) => cwd.replace(join(home, 'project'), '') || '/';
    return { steps: steps.reverse().map((step) => ({ ...step, cwd: isAt(step.cwd) })), props, printed };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The manifest with every block that is offered as a comment (`# key: value`) switched on. */
export const withOptions = (text: string): string => text.replace(/^( +)# ( *[A-Za-z_]+:(?: .*)?)$/gm, '$1$2');
