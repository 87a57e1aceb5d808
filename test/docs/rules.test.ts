import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings } from '../../src/core/settings';
import { root } from '../tools/sources';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Value of a constant that is written as a product of numbers. */
function constant(path: string, name: string): number {
  const written = new RegExp(`^(?:export )?const ${name} = ([\\d_ *]+);`, 'm').exec(read(path))?.[1];
  if (written === undefined) throw new Error(`${path} has no ${name}`);
  return written.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1);
}

const UNITS: Record<string, number> = { s: 1000, ms: 1, KiB: 1024, MiB: 1024 * 1024 };

describe('docs/request-handling.md', () => {
  const text = read('docs/request-handling.md');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) (\w+).* \| (src\/\S+) \|$/gm)].map((row) => row.slice(1));

  test('lists bounds', () => {
    expect(rows.length).toBeGreaterThan(15);
  });

  test.each(rows)('%s is %s %s', (name, value, unit, path) => {
    expect(constant(path, name)).toBe(Number(value) * (UNITS[unit] ?? 1));
  });

  test('speaks of no other bound', () => {
    const bounds = [...text.matchAll(/`((?:MAX|MIN|FIRST)_\w+|\w+_(?:DELAY|ROOM|TIME|BYTES))`/g)].map(
      ([, name]) => name,
    );
    const listed = [...rows.map(([name]) => name), ...settings.map(({ name }) => name as string), 'MAX_COLLECTED'];
    expect(bounds.filter((name) => !listed.includes(name))).toEqual([]);
  });

  test('lists every error code and status that the core sends', () => {
    const core = [
      ...['exchange', 'token', 'token-endpoint', 'route', 'methods', 'redirect', 'trust', 'session', 'failure'],
      ...['image-rules', 'client-rules', 'rate-limit', 'admission', 'login-endpoint', 'proxy-mode', 'entrance'],
      ...['prefetch-entrance', 'prefetch-request', 'delivery', 'copying'],
    ];
    const sent = core.flatMap((name) =>
      [...read(`src/core/${name}.ts`).matchAll(/new RegistryError\(\s*(\d+),\s*'(\w+)'/g)].map((found) =>
        found.slice(1),
      ),
    );
    expect(sent.length).toBeGreaterThan(15);
    const table = [...text.matchAll(/^\| ([\d, ]+) \| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, statuses, codes]) =>
      statuses
        .split(', ')
        .flatMap((status) => codes.split(', ').map((code) => `${status} ${code.replaceAll('`', '')}`)),
    );
    expect(sent.map(([status, code]) => `${status} ${code}`).filter((pair) => !table.includes(pair))).toEqual([]);
  });

  test('is what src/core/exchange.ts points to', () => {
    expect(read('src/core/exchange.ts')).toContain('docs/request-handling.md');
  });

  test('lists the headers that travel, as src/core/headers.ts has them', () => {
    const headers = read('src/core/headers.ts');
    const set = (name: string) =>
      [...(new RegExp(`${name} = new Set\\(\\[([^\\]]*)`).exec(headers)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(
        ([, field]) => field,
      );
    const section = (from: string, to: string) => text.slice(text.indexOf(from), text.indexOf(to)).toLowerCase();
    const missing = (fields: string[], part: string) => fields.filter((field) => !part.includes(`\`${field}\``));
    expect(missing(set('REQUEST_FIELDS'), section('1. Request headers go', '2. Added'))).toEqual([]);
    expect(missing(set('REDIRECT_FIELDS'), section('2. On a new origin', '3. A target'))).toEqual([]);
    const response = section('1. Response headers go', '2. The status').replace(/`content-\*`/, '');
    const others = set('RESPONSE_FIELDS').filter((field) => !field.startsWith('content-'));
    expect(missing(others, response)).toEqual([]);
  });
});

describe.each(['docs/security.md', 'docs/security.zh-CN.md'].filter((path) => existsSync(join(root, path))))(
  '%s',
  (path) => {
    const text = read(path);
    const tables = [...text.matchAll(/^\|[^\n]*\|\n\|---\|---\|---\|\n((?:\|.*\|\n)+)/gm)].map(([, body]) =>
      String(body),
    );
    const rows = tables.flatMap((body) => body.trimEnd().split('\n'));
    const cells = rows.map((row) => row.slice(2, -2).split(' | '));

    test('has threats', () => {
      expect(rows.length).toBeGreaterThan(100);
    });

    test('each row is a threat, a rule with its section in brackets at the end, and tests', () => {
      const form =
        /^\| .+ \| .+ [(（]\[[\w. ]+\]\([^()]+\)(?:(?:, |、)\[[\w. ]+\]\([^()]+\))*[)）] \| (?:`test\/\S+`(?:: |：))?“.+” \|$/;
      expect(rows.filter((row) => !form.test(row))).toEqual([]);
    });

    test('each section of request-handling.md that is named is there', () => {
      const sections = read('docs/request-handling.md').split(/^## /m);
      const named = [...text.matchAll(/\[([\d.]+)\]\(request-handling(?:\.zh-CN)?\.md#([^)]*)\)/g)].map((match) =>
        match.slice(1),
      );
      expect(named.length).toBeGreaterThan(80);
      const isThere = ([number, anchor]: string[]) => {
        const [chapter, item] = String(number).split('.');
        const section = sections.find((each) => each.startsWith(`${chapter}. `));
        const isOf = section !== undefined && String(anchor).startsWith(`${chapter}-`);
        return isOf && (item === undefined || new RegExp(`^(?:${chapter}\\.)?${item}\\.? `, 'm').test(section));
      };
      expect(named.filter((each) => !isThere(each))).toEqual([]);
    });

    /** A row names the tests of one file. */
    const named = cells.flatMap(([, , cell]) => {
      const file = /^`(test\/\S+)`/.exec(String(cell))?.[1] ?? 'test/hostile.spec.ts';
      return [...String(cell).matchAll(/“([^”]+)”/g)].map(([, title]) => [file, title as string] as const);
    });

    test.each(named)('%s has “%s”', (file, title) => {
      // As the name of a test, or as what stands in the table of one.
      const quoted = title.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&').replaceAll("'", "\\\\?'");
      expect(read(file)).toMatch(new RegExp(`[(\\[,]\\s*(['"\`])${quoted}\\1`));
    });
  },
);
