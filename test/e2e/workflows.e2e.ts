import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { clientsFolder, hasClient, project } from './prepare';

const folder = join(project, '.github/workflows');
const workflows = readdirSync(folder).map((name) => join(folder, name));

/** As GitHub would read them, without a network: expressions, contexts, inputs, shells. */
function lint(text: string | undefined, ...files: string[]) {
  const words = ['-no-color', '-shellcheck=', '-pyflakes=', ...files];
  const { status, stdout, stderr } = spawnSync(join(clientsFolder, 'actionlint'), words, {
    cwd: project,
    ...(text !== undefined && { input: text }),
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, said: stdout + stderr };
}

(hasClient('actionlint') ? describe : describe.skip)('the workflows', () => {
  test('are understood by actionlint, all of them', () => {
    expect(workflows.length).toBeGreaterThan(2);
    expect(lint(undefined, ...workflows)).toEqual({ status: 0, said: '' });
  });

  test('would be told of a mistake', () => {
    const wrong = 'on: push\njobs:\n  a:\n    runs-on: nowhere\n    steps:\n      - run: true\n';
    expect(lint(wrong, '-')).toMatchObject({ status: 1, said: expect.stringContaining('nowhere') });
  });
});
