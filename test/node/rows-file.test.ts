import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { RowsFile } from '../../src/node/rows-file';
import { until } from '../upstream/scene';

const folder = mkdtempSync(join(tmpdir(), 'rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GHCR = { targetDomain: 'ghcr.io' };
const row = (key: string, value: object = GHCR) => ({ key, text: JSON.stringify(value) });

function fileOf(document: unknown, indent: number | string = 2): string {
  const path = join(folder, `${randomUUID()}.json`);
  writeFileSync(path, typeof document === 'string' ? document : `${JSON.stringify(document, undefined, indent)}\n`);
  return path;
}

const textOf = (path: string) => readFileSync(path, 'utf8');
const read = (path: string) => JSON.parse(textOf(path));
const leftovers = (path: string) => readdirSync(folder).filter((name) => join(folder, name).startsWith(`${path}.`));

describe('a file of rows', () => {
  test.each<[string, unknown, object]>([
    ['rows alone', { rows: {} }, { rows: { ghcr: GHCR } }],
    ['nothing', {}, { rows: { ghcr: GHCR } }],
    [
      'rows beside registries',
      { registries: ['quay.io'], rows: {} },
      { registries: ['quay.io'], rows: { ghcr: GHCR } },
    ],
    ['registries', { registries: { 'quay.io': {} } }, { registries: { 'quay.io': {} }, rows: { ghcr: GHCR } }],
    [
      'a mapping',
      { 'quay.io': { mirror: true } },
      { registries: { 'quay.io': { mirror: true } }, rows: { ghcr: GHCR } },
    ],
    ['a list', ['quay.io'], { registries: ['quay.io'], rows: { ghcr: GHCR } }],
  ])('of %s takes one, and what stood there means the same', async (_, document, expected) => {
    const path = fileOf(document);
    const rows = new RowsFile(path);
    expect(await rows.put(row('ghcr'), undefined)).toBe(true);
    expect(read(path)).toEqual(expected);
    expect(await rows.list()).toEqual([row('ghcr')]);
    expect(await rows.delete(row('ghcr'))).toBe(true);
    expect(read(path).rows).toEqual({});
  });

  test('keeps whatever else stands in it, in its order, and how it is written', async () => {
    const text =
      '{\n\t"//": "ours",\n\t"rows": {\n\t\t"a": {\n\t\t\t"x": [1, {"y": null}]\n\t\t}\n\t},\n\t"registries": []\n}\n';
    const path = fileOf(text);
    const rows = new RowsFile(path);
    await rows.put(row('b'), undefined);
    const added = JSON.parse(text);
    added.rows.b = GHCR;
    expect(textOf(path)).toBe(`${JSON.stringify(added, undefined, '\t')}\n`);
    expect(Object.keys(read(path))).toEqual(['//', 'rows', 'registries']);
    await rows.put(row('a', { url: 'a.test' }), '{"x":[1,{"y":null}]}');
    expect(read(path).rows).toEqual({ a: { url: 'a.test' }, b: GHCR });
  });

  test('is not written where something else stands there than was read', async () => {
    const path = fileOf({ rows: { a: GHCR } });
    const before = textOf(path);
    const rows = new RowsFile(path);
    const [old, other] = [JSON.stringify(GHCR), '{"targetDomain":"x"}'];
    expect(await rows.put(row('a'), undefined)).toBe(false);
    expect(await rows.put(row('a'), other)).toBe(false);
    expect(await rows.put(row('b'), old)).toBe(false);
    expect(await rows.delete({ key: 'a', text: other })).toBe(false);
    expect(textOf(path)).toBe(before);
  });

  test('keeps its mode, and is itself where a link leads to it', async () => {
    const path = fileOf({ rows: {} });
    chmodSync(path, 0o640);
    const link = join(folder, 'link.json');
    symlinkSync(path, link);
    await new RowsFile(link).put(row('a'), undefined);
    expect([read(path).rows, statSync(path).mode & 0o777, leftovers(path)]).toEqual([{ a: GHCR }, 0o640, []]);
  });

  test('takes many changes at once, each on what the one before it has left', async () => {
    const path = fileOf({ rows: {} });
    const rows = new RowsFile(path);
    const keys = Array.from({ length: 30 }, (_, index) => `r${index}`);
    const put = (key: string) =>
      rows.alone(async () => {
        const known = (await rows.list()).length;
        await rows.put(row(key, { url: `${key}.test`, n: known }), undefined);
      });
    await Promise.all(keys.map(put));
    expect(Object.values(read(path).rows)).toEqual(keys.map((key, n) => ({ url: `${key}.test`, n })));
    await expect(rows.alone(() => Promise.reject(new Error('one fails')))).rejects.toThrow('one fails');
    expect(await rows.alone(async () => 'and the next one goes on')).toBe('and the next one goes on');
  });

  test.each<[string, () => string, string]>([
    ['that is not there', () => join(folder, 'no.json'), 'there is no such file'],
    ['that is a folder', () => folder, 'must be a file'],
    ['that is no JSON', () => fileOf('rows: {}'), 'is no JSON'],
    ['that is too large', () => fileOf(`{"rows":{},"x":"${'x'.repeat(1024 * 1024)}"}`), 'is larger than 1024 KiB'],
  ])('%s is said to be so', async (_, make, why) => {
    const path = make();
    const rows = new RowsFile(path);
    const fault = { status: 503, message: `REGISTRIES=${path}: ${why}` };
    await expect(rows.list()).rejects.toMatchObject(fault);
    await expect(rows.put(row('a'), undefined)).rejects.toMatchObject(fault);
  });

  test('that would become too large stays as it is', async () => {
    const path = fileOf({ rows: { a: { prefix: 'x'.repeat(1024 * 1024 - 100) } } });
    const before = textOf(path);
    const put = new RowsFile(path).put(row('b', { prefix: 'y'.repeat(200) }), undefined);
    await expect(put).rejects.toMatchObject({ status: 503, message: expect.stringContaining('is larger than') });
    expect([textOf(path) === before, leftovers(path)]).toEqual([true, []]);
  });
});

const PROGRAM = `
  import fs from 'node:fs/promises';
  import { RowsFile } from '${join(__dirname, '../../src/node/rows-file.ts')}';
  // It gets as far as where the new file would take the old one's place.
  fs.rename = () => {
    process.stdout.write('written');
    return new Promise(() => setInterval(() => {}, 1000));
  };
  new RowsFile(process.argv[2]).put({ key: 'b', text: '{"targetDomain":"quay.io"}' }, undefined);
`;

test('a process that is killed when all is written but nothing is replaced leaves the file as it was', async () => {
  const path = fileOf({ rows: { a: GHCR } });
  const before = textOf(path);
  const outfile = join(folder, 'killed.cjs');
  const stdin = { contents: PROGRAM, resolveDir: __dirname, loader: 'ts' as const };
  await build({ stdin, outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'silent' });
  const child = spawn(process.execPath, [outfile, path]);
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const exited = new Promise((resolve) => child.on('close', resolve));
  try {
    expect(await until(() => out === 'written', 10_000)).toBe(true);
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  expect([textOf(path), leftovers(path).length]).toEqual([before, 1]);
  const rows = new RowsFile(path);
  expect(await rows.list()).toEqual([row('a')]);
  expect(await rows.put(row('c'), undefined)).toBe(true);
  expect(read(path).rows).toEqual({ a: GHCR, c: GHCR });
});
