import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { root } from '../tools/sources';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Job {
  'timeout-minutes'?: number;
  permissions?: Record<string, string>;
  uses?: string;
  needs?: string | string[];
  strategy?: { matrix: { node: string[] } };
  steps?: Step[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}

const folder = join(root, '.github/workflows');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const names = readdirSync(folder).sort();
const workflow = (name: string) => load(read(name)) as Workflow;
const { scripts, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps = [] }) => steps);

test('there is one to check, one to test and one to release', () => {
  expect(names).toEqual(['check.yml', 'release.yml', 'test.yml']);
});

describe.each(names)('.github/workflows/%s', (name) => {
  const text = read(name);
  const { on, permissions, jobs } = workflow(name);
  const steps = stepsOf(workflow(name));

  test('runs commands that exist', () => {
    const commands = steps.flatMap(({ run = '' }) =>
      [...run.matchAll(/launch\.cjs (\S+)/g)].map(([, command]) => command),
    );
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.filter((command) => command !== 'install' && !(String(command) in scripts))).toEqual([]);
  });

  test('names files that exist', () => {
    const files = [...text.matchAll(/(?<![\w./-])((?:deploy|docs|test|\.github)\/[\w./-]*\w\.\w+|\.nvmrc)/g)].map(
      ([, file]) => String(file),
    );
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !/\/dist\//.test(file) && !existsSync(join(root, file)))).toEqual([]);
  });

  test('pins what others wrote by commit, and says which version that is', () => {
    const others = text.split('\n').filter((line) => /uses: (?!\.\/)/.test(line));
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter((line) => !/uses: actions\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
  });

  test('may read, and writes only in the jobs of a release that say what for', () => {
    expect(Object.values(permissions).filter((right) => right !== 'read')).toEqual([]);
    const writing = Object.entries(jobs).filter(([, job]) => Object.values(job.permissions ?? {}).includes('write'));
    expect(writing.map(([job]) => job)).toEqual(name === 'release.yml' ? ['files', 'image'] : []);
  });

  test('leaves no token in the checkout, and is never run by strangers with more than that', () => {
    const checkouts = steps.filter(({ uses = '' }) => uses.startsWith('actions/checkout@'));
    expect(checkouts.map((step) => step.with?.['persist-credentials'])).not.toContain(undefined);
    expect(checkouts.every((step) => step.with?.['persist-credentials'] === false)).toBe(true);
    expect(Object.keys(on)).not.toEqual(expect.arrayContaining([expect.stringMatching(/_target|workflow_run|issue/)]));
  });

  test('puts nothing that others may write into a command', () => {
    expect(steps.filter(({ run = '' }) => run.includes('${{'))).toEqual([]);
  });

  test('ends each job within a limit', () => {
    const endless = Object.values(jobs).filter((job) => !job.uses && !((job['timeout-minutes'] ?? 0) > 0));
    expect(endless).toEqual([]);
  });
});

test('docs/CONTRIBUTING.md has the two commands of the README, and test.yml runs the same', () => {
  const documents = ['README.md', 'docs/CONTRIBUTING.md'].map((path) => readFileSync(join(root, path), 'utf8'));
  for (const text of documents) {
    expect(text).toContain('node .yarn/launch.cjs install && node .yarn/launch.cjs debug\n');
    expect(text).toContain('node .yarn/launch.cjs install && node .yarn/launch.cjs test\n');
  }
  const runs = workflow('test.yml').jobs.unit?.steps?.flatMap(({ run }) => run ?? []);
  expect(runs).toEqual(['node .yarn/launch.cjs install', 'node .yarn/launch.cjs test --ci']);
});

test('the unit tier runs on the oldest version that is served, and on the newer one', () => {
  const versions = workflow('test.yml').jobs.unit?.strategy?.matrix.node;
  expect(versions).toEqual(['20', '22']);
  expect(engines.node).toBe('>=20.11.0');
});

test('nothing is released before the tests have passed, or under another version', () => {
  const { jobs, on } = workflow('release.yml');
  expect(on).toEqual({ push: { tags: ['v*'] } });
  expect(jobs.test?.uses).toBe('./.github/workflows/test.yml');
  for (const job of ['files', 'image']) {
    expect(jobs[job]?.needs).toBe('test');
    expect(jobs[job]?.steps?.some(({ run = '' }) => run.includes('jq -r .version package.json'))).toBe(true);
  }
});

test('Dependabot renews packages, actions and base images', () => {
  const { updates } = load(readFileSync(join(root, '.github/dependabot.yml'), 'utf8')) as {
    updates: { 'package-ecosystem': string; directory: string }[];
  };
  expect(updates.map((each) => each['package-ecosystem'])).toEqual(['npm', 'github-actions', 'docker']);
  expect(updates.every(({ directory }) => existsSync(join(root, directory)))).toBe(true);
});
