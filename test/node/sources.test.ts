import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../src/core/config-error';
import { MAX_FILE_BYTES, SettingFiles } from '../../src/node/files';
import { readSources } from '../../src/node/sources';

const before = process.cwd();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sources-'));
  process.chdir(folder);
});

afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

const read = (files = new SettingFiles()) => readSources(['--port=1'], { A: 'b' }, files);

test('the file .env of the working directory is one, and noted as read', () => {
  writeFileSync('.env', '\ufeff# a remark\nPORT="80"\nexport HOST=::1\n');
  const files = new SettingFiles();
  expect(read(files)).toMatchObject({ argv: ['--port=1'], env: { A: 'b' }, file: { PORT: '80', HOST: '::1' } });
  expect([...files.read.keys()]).toEqual(['.env']);
});

test('nothing of it gets into the environment of the process', () => {
  writeFileSync('.env', 'ONLY_IN_DOTENV=1\n');
  expect(read().file).toEqual({ ONLY_IN_DOTENV: '1' });
  expect(process.env).not.toHaveProperty('ONLY_IN_DOTENV');
});

test.each<[string, () => void]>([
  ['is missing', () => {}],
  ['is empty', () => writeFileSync('.env', '')],
  ['is a folder, as of Python', () => mkdirSync('.env')],
])('where it %s, it says nothing, and is noted all the same', (_, prepare) => {
  prepare();
  const files = new SettingFiles();
  expect(read(files).file).toEqual({});
  expect([...files.read]).toEqual([['.env', '']]);
});

test('one that cannot be read is a fault', () => {
  writeFileSync('.env', 'A=b\n'.padEnd(MAX_FILE_BYTES + 1));
  expect(() => read()).toThrow(new ConfigError(['.env: is larger than 1024 KiB']));
});
