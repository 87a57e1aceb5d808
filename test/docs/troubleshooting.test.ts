import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings } from '../../src/core/settings';
import { root, sources } from '../tools/sources';

const documents = ['docs/troubleshooting.md', 'docs/troubleshooting.zh-CN.md'].filter((path) =>
  existsSync(join(root, path)),
);

/** What others say: clients and registries. */
const FOREIGN = ['Login Succeeded', 'toomanyrequests', 'Unexpected status code'];

/** Messages that are put together, with the parts of them that stand in the program. */
const COMPOSED: Readonly<Record<string, readonly string[]>> = {
  'RATE_LIMIT=500: expected a rate: 20/s, 600/m, 10000/h, or 20/s burst 100': [
    'a rate: 20/s, 600/m, 10000/h, or 20/s burst 100',
    ': expected ',
  ],
  'the list of repositories is not served here: it would show what is refused': [
    'the list of repositories',
    ' is not served here: ',
    'it would show what is refused',
  ],
  'alice may not push here': ['} may not $', '} here`'],
  'your daily budget of … is used up': ["'your daily budget' : ", '{whose} of $', '} is used up; '],
};

/** The texts of the program, without what cuts them up: quotes that are escaped, and ends of lines. */
const program = sources('src', /\.ts$/)
  .map(({ text }) => text.replaceAll("\\'", "'").replace(/['`]\s*\+\s*['`]/g, ''))
  .join('\n');

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(root, document), 'utf8');
  // What follows is about the command, and about a platform.
  const own = text.slice(0, text.indexOf('\n## doctor'));
  const rows = [...own.matchAll(/^\| (.+) \|$/gm)].map(([, row]) => String(row).split(' | '));
  const messages = rows.flatMap(([symptom]) =>
    [...String(symptom).matchAll(/`([^`]+)`/g)].map(([, message]) => String(message)).filter(isMessage),
  );

  test('quotes messages', () => {
    expect(messages.length).toBeGreaterThan(30);
  });

  test.each(messages.map((message) => [message]))('the proxy says “%s”', (message) => {
    const parts = COMPOSED[message] ?? message.split('…').map((part) => part.replace(/^[:;]? +|[:;]? *$/g, ''));
    const said = parts.filter((part) => /[a-z]{3}/i.test(part));
    expect(said.length).toBeGreaterThan(0);
    expect(said.filter((part) => !program.includes(part))).toEqual([]);
  });

  test('each row of the proxy’s own has a symptom, a cause, and what to do', () => {
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter((row) => row.length !== 3 || row.some((cell) => cell.trim() === ''))).toEqual([]);
  });
});

/** Not a setting, a field of a head or of the log, a path or a word for a client. */
function isMessage(quoted: string): boolean {
  if (FOREIGN.some((text) => quoted.includes(text))) return false;
  if (/^[\w.?=/-]+$/.test(quoted) && !quoted.includes('…')) return false;
  return !settings.some(({ name }) => quoted === `${name}=…`) && /[a-z]{3} |: /.test(quoted);
}
