import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noFiles } from '../../src/core/files';
import { MAX_FILE_BYTES, SettingFiles } from '../../src/node/files';

const folder = mkdtempSync(join(tmpdir(), 'files-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, randomUUID());
  writeFileSync(path, text);
  return path;
}

describe('a file that a setting names', () => {
  test('is read as text, without the mark that editors put before it', () => {
    expect(new SettingFiles().text(file('\ufeffone\ntwo\n'))).toBe('one\ntwo\n');
  });

  test.each([
    ['YAML', 'ghcr.io:\n  url: https://ghcr.io\n'],
    ['JSON', '{ "ghcr.io": { "url": "https://ghcr.io" } }'],
  ])('is read as %s', (_, text) => {
    expect(new SettingFiles().document(file(text))).toEqual({ 'ghcr.io': { url: 'https://ghcr.io' } });
  });

  test.each([
    ['broken YAML', 'a: [1'],
    ['broken JSON', '{"a": 1'],
    ['a tag that makes an object of a language', 'a: !!js/function "function () {}"'],
    ['a key twice', 'a: 1\na: 2'],
  ])('%s is refused', (_, text) => {
    expect(() => new SettingFiles().document(file(text))).toThrow(/^cannot be parsed \(.+\)$/);
  });

  test('nothing of it is quoted in an error', () => {
    const secret = randomUUID();
    for (const text of [`password: "${secret}`, `{"password": ${secret}`, `? ${secret}\n- b`]) {
      expect(() => new SettingFiles().document(file(text))).toThrow(expect.not.stringContaining(secret.slice(0, 8)));
    }
  });

  test.each([
    ['that is not there', () => join(folder, 'absent'), 'there is no such file'],
    ['that is a folder', () => folder, 'must be a file'],
    ['below a file', () => join(file('x'), 'y'), 'there is no such file'],
    ['that is too large', () => file('x'.repeat(MAX_FILE_BYTES + 1)), 'is larger than 1024 KiB'],
  ])('one %s is refused', (_, path, message) => {
    mkdirSync(folder, { recursive: true });
    expect(() => new SettingFiles().text(path())).toThrow(message);
  });

  test('is noted down, also where it could not be read: it may come', () => {
    const files = new SettingFiles();
    const [one, absent] = [file('one'), join(folder, 'absent')];
    files.text(one);
    expect(() => files.text(absent)).toThrow();
    expect([...files.read]).toEqual([
      [one, 'one'],
      [absent, ''],
    ]);
  });
});

test('a runtime without files says so', () => {
  expect(() => noFiles.text('/a')).toThrow('there are no files here');
  expect(() => noFiles.document('/a')).toThrow('there are no files here');
});
