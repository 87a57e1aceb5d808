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

async function askTwice(user: string, { stdin, stderr }: Streams): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: silent, terminal: true, historySize: 0 });
  // Both lines may come at once, pasted; they wait here for whoever asks.
  const lines = terminal[Symbol.asyncIterator]();
  terminal.once('SIGINT', () => terminal.close());
  const ask = async (prompt: string) => {
    stderr.write(prompt);
    const { done, value } = await lines.next();
    stderr.write('\n');
    if (done) throw new CommandError('no password was given: nothing is changed');
    return value;
  };
  try {
    const password = await ask(`New password for ${user}: `);
    const again = await ask('The same again: ');
    if (password !== again) throw new CommandError('the two passwords differ: nothing is changed');
    return password;
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
