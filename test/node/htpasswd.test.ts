import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
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
import { PassThrough } from 'node:stream';
import { compareSync, hashSync } from 'bcryptjs';
import { parseHtpasswd } from '../../src/core/htpasswd';
import { runCommand } from '../../src/node/commands';
import { isPasswordOf } from '../../src/shell/made-passwords';
import { processFrom } from './process';

const folder = mkdtempSync(join(tmpdir(), 'htpasswd-'));
afterAll(() => rmSync(folder, { recursive: true }));

const password = `${randomUUID()} пароль`;
const hash = hashSync(password, 4);

function file(content?: string | Buffer, mode = 0o640): string {
  const path = join(folder, randomUUID());
  if (content !== undefined) {
    writeFileSync(path, content);
    chmodSync(path, mode);
  }
  return path;
}

function collect(stream: PassThrough): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Runs the command with what is piped in, or typed at a terminal: one entry after each prompt. */
async function run(argv: string[], input: string | Buffer | { typed: string[] } = password) {
  const stdin = Object.assign(new PassThrough(), { isTTY: false, setRawMode: jest.fn() });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [collect(stdout), collect(stderr)];
  if (typeof input === 'object' && 'typed' in input) {
    stdin.isTTY = true;
    const entries = [...input.typed];
    stderr.on('data', (text: string) => text.endsWith(': ') && stdin.write(entries.shift() ?? '\x04'));
  } else {
    stdin.end(input);
  }
  const code = await runCommand(argv, { stdin, stdout, stderr });
  await new Promise(setImmediate);
  return { code, out: out(), err: err(), setRawMode: stdin.setRawMode };
}

const make = (...argv: string[]) => ['htpasswd', ...argv, '--cost', '4'];
const hashOf = (line: string) => line.trim().slice(line.indexOf(':') + 1);

describe('a line for a user', () => {
  test('is all that is printed', async () => {
    const { code, out, err } = await run(make('alice'));
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^alice:\$2y\$04\$[./A-Za-z0-9]{53}\n$/);
    expect(compareSync(password, hashOf(out))).toBe(true);
    expect(parseHtpasswd(out).faults).toEqual([]);
  });

  test('has cost 10 where none is given', async () => {
    expect((await run(['htpasswd', 'alice'])).out).toMatch(/^alice:\$2y\$10\$/);
  });

  test.each<[string, (text: string) => string | Buffer]>([
    ['no line end', (text) => text],
    ['a line end', (text) => `${text}\n`],
    ['a line end of Windows', (text) => `${text}\r\n`],
    ['a mark before it', (text) => `\ufeff${text}\n`],
    ['more lines behind it', (text) => `${text}\nsecond\nthird\n`],
  ])('takes the first line that is piped in, with %s', async (_, input) => {
    const { out } = await run(make('alice'), input(password));
    expect(compareSync(password, hashOf(out))).toBe(true);
  });
});

describe('a password that is made', () => {
  const generate = (...argv: string[]) => ['htpasswd', '--generate', ...argv];

  test('is printed once, with a line that takes it', async () => {
    const { code, out, err } = await run(generate('alice'), '');
    expect([code, err]).toEqual([0, '']);
    const [made, line, ...rest] = out.split('\n');
    expect([made, rest]).toEqual([expect.stringMatching(/^[a-z2-7]{32}$/), ['']]);
    const { users, faults } = parseHtpasswd(line, false);
    expect([[...users.keys()], faults]).toEqual([['alice'], []]);
    expect(isPasswordOf(hashOf(line), made)).toBe(true);
    expect((await run(generate('alice'), '')).out).not.toContain(made);
  });

  test('is all that is printed where the line goes into a file, and stands in no file', async () => {
    const path = file(`bob:${hash}\n`);
    const { code, out, err } = await run(generate('alice', path), '');
    expect([code, err]).toEqual([0, `alice is new in ${path}\n`]);
    const written = readFileSync(path, 'utf8');
    expect(out).toMatch(/^[a-z2-7]{32}\n$/);
    expect(written).toMatch(/^bob:\S+\nalice:\$rp1\$\S{66}\n$/);
    expect(written).not.toContain(out.trim());
    expect(isPasswordOf(hashOf(written.split('\n')[1]), out.trim())).toBe(true);
    const again = await run(['htpasswd', 'alice', path, '--generate'], '');
    expect(again.err).toBe(`alice has a new password in ${path}\n`);
    expect(isPasswordOf(hashOf(readFileSync(path, 'utf8').split('\n')[1]), out.trim())).toBe(false);
  });

  test('is asked of nobody: what is piped in is not read', async () => {
    expect((await run(generate('alice'), `${password}\n`)).out).not.toContain(password);
    expect((await run(generate('alice'), { typed: [] })).err).toBe('');
  });

  test('is not printed where its line could not be kept', async () => {
    const { code, out } = await run(generate('alice', join(folder, 'absent', 'users')), '');
    expect([code, out]).toEqual([1, '']);
  });
});

describe('at a terminal', () => {
  const prompts = 'New password for alice: \nThe same again: \n';

  test('the password is asked for twice, and not shown', async () => {
    const { code, out, err, setRawMode } = await run(make('alice'), { typed: [`${password}\r`, `${password}\r`] });
    expect([code, err]).toEqual([0, prompts]);
    expect(compareSync(password, hashOf(out))).toBe(true);
    // In raw mode the terminal shows nothing by itself; it must not be left there.
    expect(setRawMode.mock.calls).toEqual([[true], [false]]);
  });

  test('both lines may be pasted at once', async () => {
    const { out } = await run(make('alice'), { typed: [`${password}\r${password}\r`] });
    expect(compareSync(password, hashOf(out))).toBe(true);
  });

  test('mistakes can be taken back', async () => {
    const typed = `wrong\x15${password}x\x7f\r`;
    const { out } = await run(make('alice'), { typed: [typed, typed] });
    expect(compareSync(password, hashOf(out))).toBe(true);
  });

  test('two that differ are refused', async () => {
    const { code, out, err } = await run(make('alice'), { typed: [`${password}\r`, `${password}x\r`] });
    expect([code, out, err]).toEqual([1, '', `${prompts}the two passwords differ: nothing is changed\n`]);
  });

  test.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('%s ends it, and gives the terminal back', async (_, key) => {
    const { code, out, err, setRawMode } = await run(make('alice'), { typed: [key] });
    expect([code, out]).toEqual([1, '']);
    expect(err).toBe('New password for alice: \nno password was given: nothing is changed\n');
    expect(setRawMode).toHaveBeenLastCalledWith(false);
  });
});

describe('a file', () => {
  test('is made for its first user, for nobody else to read', async () => {
    const path = file();
    const { code, out, err } = await run(make('alice', path));
    expect([code, out, err]).toEqual([0, '', `alice is new in ${path}\n`]);
    expect(readFileSync(path, 'utf8')).toMatch(/^alice:\$2y\$04\$\S{53}\n$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  const others = Buffer.concat([
    Buffer.from(`# users of "r"\r\n\n  bob:${hash} \nalice2:${hash}\n`),
    Buffer.from('# latin1: \xe4\xff\nmallory:{SHA}x\n', 'latin1'),
  ]);

  test('keeps every other byte, and its mode, where a user is added', async () => {
    const path = file(others, 0o644);
    expect((await run(make('alice', path))).code).toBe(0);
    const after = readFileSync(path);
    expect(after.subarray(0, others.length)).toEqual(others);
    expect(after.subarray(others.length).toString()).toMatch(/^alice:\$2y\$04\$\S{53}\r\n$/);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  test.each(['\n', '\r\n'])(
    'keeps every other byte where a password is replaced in a line that ends with %j',
    async (end) => {
      const path = file(Buffer.concat([Buffer.from(`alice:old${end}`), others]));
      const { code, err } = await run(make('alice', path));
      expect([code, err]).toEqual([0, `alice has a new password in ${path}\n`]);
      const after = readFileSync(path);
      expect(after.subarray(-others.length)).toEqual(others);
      const line = after.subarray(0, -others.length).toString();
      expect(line).toMatch(new RegExp(`^alice:\\$2y\\$04\\$\\S{53}${end}$`));
      expect(compareSync(password, hashOf(line))).toBe(true);
    },
  );

  test('keeps every other byte where a user is removed', async () => {
    const path = file(Buffer.concat([others, Buffer.from(`zoë:${hash}\n`), others]));
    const { code, out, err } = await run(['htpasswd', '--delete', 'zoë', path], '');
    expect([code, out, err]).toEqual([0, '', `zoë is gone from ${path}\n`]);
    expect(readFileSync(path)).toEqual(Buffer.concat([others, others]));
  });

  test.each<[string, string, RegExp]>([
    ['without a line end at its end', 'bob:x', /^bob:x\nalice:\$2y\S+\n$/],
    ['with an old line at its end, without a line end', 'bob:x\nalice:x', /^bob:x\nalice:\$2y\S+$/],
    ['that begins with a mark', '\ufeffalice:x\nbob:x\n', /^\ufeffalice:\$2y\S+\nbob:x\n$/],
    ['that has a user twice', 'alice:x\nbob:x\nalice:y\n', /^alice:\$2y\S+\nbob:x\n$/],
    ['that is empty', '', /^alice:\$2y\S+\n$/],
  ])('%s is written well', async (_, before, after) => {
    const path = file(before);
    expect((await run(make('alice', path))).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toMatch(after);
  });

  test('that a link leads to is written there, and the link stays', async () => {
    const path = file(`bob:${hash}\n`);
    symlinkSync(path, `${path}.link`);
    expect((await run(make('alice', `${path}.link`))).code).toBe(0);
    expect([...parseHtpasswd(readFileSync(path, 'utf8')).users.keys()]).toEqual(['bob', 'alice']);
    expect(readFileSync(`${path}.link`, 'utf8')).toBe(readFileSync(path, 'utf8'));
  });

  test('leaves nothing beside it', async () => {
    const place = file();
    mkdirSync(place);
    const path = join(place, 'users');
    await run(make('alice', path));
    await run(make('alice', path));
    await run(['htpasswd', '--delete', 'alice', path]);
    expect(readdirSync(place)).toEqual(['users']);
    expect(readFileSync(path, 'utf8')).toBe('');
  });
});

describe('a mistake', () => {
  const absent = join(folder, 'absent');

  test.each<[string, string[], string | Buffer, RegExp]>([
    ['no user', ['htpasswd'], password, /^expected registry-proxy htpasswd USER \[FILE\]/],
    ['too much', ['htpasswd', 'alice', 'file', password], password, /^expected registry-proxy htpasswd USER/],
    ['a flag that is none', ['htpasswd', '-B', 'alice'], password, /^expected registry-proxy htpasswd USER/],
    ['a password as a flag', ['htpasswd', 'alice', `--password=${password}`], '', /^expected registry-proxy/],
    ['a colon in the name', make('al:ice'), password, /^the user name must be /],
    ['a control character in the name', make('al\x1bice'), password, /^the user name must be /],
    ['a comment for a name', make('#alice'), password, /^the user name must be /],
    ['an empty name', make(''), password, /^the user name must be /],
    ['a cost that is too high', ['htpasswd', 'alice', '--cost', '15'], password, /^--cost: .* from 4 to 14$/],
    ['a cost that is too low', ['htpasswd', 'alice', '--cost=3'], password, /^--cost: /],
    ['a cost that is no number', ['htpasswd', 'alice', '--cost', '1e1'], password, /^--cost: /],
    [
      'a cost of what is made',
      make('alice', '--generate'),
      '',
      /^--generate makes a login by itself: take --cost and /,
    ],
    ['both at once', ['htpasswd', 'alice', '--generate', '--delete', 'x'], '', /^--generate makes a login by itself: /],
    ['an empty password', make('alice'), '\n', /^the password is empty$/],
    ['no password', make('alice'), '', /^no password was given: /],
    ['a long password', make('alice'), `${'x'.repeat(73)}\n`, /^the password is longer than 72 bytes/],
    ['a very long password', make('alice'), 'x'.repeat(1_000_000), /^the password is longer than 72 bytes/],
    ['a control character in the password', make('alice'), 'a\tb\n', /^the password holds a control character/],
    [
      'a password in another encoding',
      make('alice'),
      Buffer.from('p\xe4ss\n', 'latin1'),
      /^the password is not valid UTF-8$/,
    ],
    ['nowhere to delete from', ['htpasswd', 'alice', '--delete'], '', /^--delete needs the file to delete alice from$/],
    ['nobody to delete', ['htpasswd', 'alice', '--delete', file('bob:x\n')], '', /: alice is not in it$/],
    ['no file to delete from', ['htpasswd', 'alice', '--delete', absent], '', /: there is no such file$/],
    ['a folder that is not there', make('alice', join(absent, 'users')), password, /: there is no such folder$/],
    ['a folder for a file', make('alice', folder), password, /: must be a file$/],
    ['a file without a name', make('alice', ''), password, /^the name of the file is empty$/],
    ['a file that is too large', make('alice', file('#'.repeat(1_048_577))), password, /: is larger than 1 MiB$/],
  ])('%s is one sentence, exit code 1, and nothing else', async (_, argv, input, sentence) => {
    const { code, out, err } = await run(argv, input);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^[^\n]+\n$/);
    expect(err.trim()).toMatch(sentence);
    expect(err).not.toContain(password);
    expect(existsSync(absent)).toBe(false);
  });
});

test('--help says how', async () => {
  const { code, out, err } = await run(['htpasswd', '--help'], '');
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^Usage: registry-proxy htpasswd USER \[FILE\]/);
  expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(120);
});

test.each<[string, RegExp]>([
  ['htpaswd', /^"htpaswd": unknown command; did you mean htpasswd\?\n$/],
  ['8080', /^"8080": unknown command; --help lists commands and flags\n$/],
  ['constructor', /^"constructor": unknown command; --help lists commands and flags\n$/],
  ['serv', /^"serv": unknown command; did you mean serve\?\n$/],
])('%s is no command', async (name, sentence) => {
  const { code, out, err } = await run([name, 'x'], '');
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(sentence);
});

describe('the process', () => {
  let program: Awaited<ReturnType<typeof processFrom>>;
  beforeAll(async () => {
    // A configuration with faults is none of a command's business.
    program = await processFrom('PORT=x\n');
  });
  afterAll(() => program.stop());

  test('makes a login, and ends', async () => {
    const running = program.start({ PORT: 'x' }, ...make('alice'));
    running.input(`${password}\n`);
    expect([await running.exited, running.err()]).toEqual([0, '']);
    expect(compareSync(password, hashOf(running.out()))).toBe(true);
  });

  test('ends with 1 after a mistake', async () => {
    const running = program.start({}, 'htpaswd');
    expect([await running.exited, running.out()]).toEqual([1, '']);
    expect(running.err()).toBe('"htpaswd": unknown command; did you mean htpasswd?\n');
  });
});
