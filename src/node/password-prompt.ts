import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandError, type Streams } from './commands';
import { passwordFault } from './passwords';

/** Bytes of a line that is read from a pipe, at most; whatever comes near it is no password. */
const MAX_LINE_BYTES = 4096;

/**
 * A new password: asked for twice at a terminal, which does not show it, or the first line of what is piped in.
 * @throws CommandError where it cannot be one
 */
export async function promptPassword(user: string, streams: Streams): Promise<string> {
  const password = streams.stdin.isTTY ? await askTwice(user, streams) : await firstLine(streams.stdin);
  const fault = passwordFault(password);
  if (fault !== undefined) throw new CommandError(`the password ${fault}`);
  return password;
}

/**
 * A password that somebody has: asked for once at a terminal, which does not show it, or the first line of what is piped in.
 * @throws CommandError where there is none
 */
export async function askPassword(user: string, streams: Streams): Promise<string> {
  const { stdin } = streams;
  const password = stdin.isTTY
    ? await atTerminal(streams, 'no password was given', (ask) => ask(`Password of ${user}: `))
    : await firstLine(stdin);
  if (password === '') throw new CommandError('no password was given');
  return password;
}

function askTwice(user: string, streams: Streams): Promise<string> {
  return atTerminal(streams, 'no password was given: nothing is changed', async (ask) => {
    const password = await ask(`New password for ${user}: `);
    const again = await ask('The same again: ');
    if (password !== again) throw new CommandError('the two passwords differ: nothing is changed');
    return password;
  });
}

/** @param whenNone what is said to somebody who leaves instead */
async function atTerminal(
  { stdin, stderr }: Streams,
  whenNone: string,
  talk: (ask: (prompt: string) => Promise<string>) => Promise<string>,
): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: silent, terminal: true, historySize: 0 });
  // Both lines may come at once, pasted; they wait here for whoever asks.
  const lines = terminal[Symbol.asyncIterator]();
  terminal.once('SIGINT', () => terminal.close());
  const ask = async (prompt: string) => {
    stderr.write(prompt);
    const { done, value } = await lines.next();
    stderr.write('\n');
    if (done) throw new CommandError(whenNone);
    return value;
  };
  try {
    return await talk(ask);
  } finally {
    terminal.close();
  }
}

async function firstLine(stdin: Streams['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.length;
    if (bytes.includes('\n') || size > MAX_LINE_BYTES) break;
  }
  if (size === 0) throw new CommandError('no password was given: type it at a terminal, or pipe it in');
  const [line] = Buffer.concat(chunks).toString('latin1').split('\n');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(line.replace(/\r$/, ''), 'latin1'));
  } catch {
    throw new CommandError('the password is not valid UTF-8');
  }
}
