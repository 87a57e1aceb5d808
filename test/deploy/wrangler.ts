import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../tools/sources';

export const folder = join(root, 'deploy/cloudflare');
export const configuration = join(folder, 'wrangler.jsonc');

/** What is read of wrangler.jsonc. */
export interface WranglerConfig {
  name: string;
  main: string;
  no_bundle: boolean;
  compatibility_date: string;
  compatibility_flags?: string[];
  build: { command: string; cwd: string };
  vars: Record<string, string>;
  kv_namespaces?: { binding: string }[];
  r2_buckets?: { binding: string; bucket_name?: string }[];
  [name: string]: unknown;
}

/** The file holds comments as lines of their own, and no comma too many: so any tool for JSON with comments reads it. */
export function readJsonc(text: string): WranglerConfig {
  return JSON.parse(text.replace(/^ *\/\/.*$/gm, ''));
}

/** The same with everything switched on that is offered as a comment. */
export const withOptions = (text: string): string =>
  text.replace(/^( +)\/\/ ( *(?:"\w+": |\{ |\]).*)$/gm, (_, indent: string, line: string) => indent + line);

/** Runs the real command without anybody's account or settings, and without its reports to its makers. */
export function wrangler(words: string[], cwd: string): string {
  const command = join(dirname(require.resolve('wrangler/package.json')), 'bin/wrangler.js');
  return runHere([command, ...words], cwd);
}

/** Names of the flags of each command that wrangler has, by its words: `kv key put`. */
export function wranglerCommands(): Map<string, string[]> {
  const script = `
    const { registry, globalFlags } = require(${JSON.stringify(require.resolve('wrangler'))}).experimental_getWranglerCommands();
    const shared = Object.keys(globalFlags);
    const walk = ({ definition, subtree }, words) => [
      ...(definition?.type === 'command' ? [[words.join(' '), [...shared, ...Object.keys(definition.args ?? {})]]] : []),
      ...[...subtree].flatMap(([word, node]) => walk(node, [...words, word])),
    ];
    console.log(JSON.stringify([...registry.subtree].flatMap(([word, node]) => walk(node, [word]))));
    process.exit();`;
  return new Map(JSON.parse(runHere(['-e', script], root)));
}

function runHere(words: string[], cwd: string): string {
  const home = mkdtempSync(join(tmpdir(), 'wrangler-home-'));
  try {
    const run = spawnSync(process.execPath, words, {
      cwd,
      env: { PATH: process.env.PATH, HOME: home, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' },
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (run.status !== 0) throw new Error(`${words.slice(1).join(' ')}: ${run.status}\n${run.stdout}\n${run.stderr}`);
    return run.stdout;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** What wrangler holds its configuration against. */
export const readSchema = (): object =>
  JSON.parse(readFileSync(join(dirname(require.resolve('wrangler/package.json')), 'config-schema.json'), 'utf8'));
