import { parseArgs } from 'node:util';
import { isUserName, MAX_COST, MIN_COST } from '../core/htpasswd';
import { hashPassword, makePassword } from '../shell/made-passwords';
import { CommandError, type Streams } from './commands';
import { editHtpasswdFile } from './htpasswd-file';
import { promptPassword } from './password-prompt';
import { createPasswordChecker } from './passwords';

const DEFAULT_COST = 10;

const SYNOPSIS = 'registry-proxy htpasswd USER [FILE] [--generate] [--cost N] [--delete]';

const HELP = `Usage: ${SYNOPSIS}

Makes a login for the proxy: asks for a password and prints USER:HASH, or writes it into FILE, where every other line
stays as it is. The password is asked for twice at a terminal; else it is the first line of what is piped in.

  --generate  makes a password that nobody can guess, and prints it, this once; without FILE the second line that is
              printed is USER:HASH. Its hash is fast to check: on a Worker such passwords are the only ones
  --cost N    how slow a guess is, ${MIN_COST} to ${MAX_COST}: one more doubles it; ${DEFAULT_COST} where it is not given
  --delete    removes USER from FILE
`;

/** The command `htpasswd`: makes, replaces and removes logins as Apache's htpasswd -B does. */
export async function htpasswd(argv: readonly string[], streams: Streams): Promise<void> {
  const { help, user, file, cost, isMade, isDelete } = readArguments(argv);
  if (help) {
    streams.stdout.write(HELP);
    return;
  }
  if (isDelete) {
    if (file === undefined) throw new CommandError(`--delete needs the file to delete ${user} from`);
    await editHtpasswdFile(file, user, undefined);
    streams.stderr.write(`${user} is gone from ${file}\n`);
    return;
  }
  const password = isMade ? makePassword() : await promptPassword(user, streams);
  const line = `${user}:${isMade ? hashPassword(password) : await hashSlowly(password, cost)}`;
  const isNew = file !== undefined && (await editHtpasswdFile(file, user, line));
  // Not before the line is kept: nobody should be told a password that opens nothing.
  if (isMade) streams.stdout.write(`${password}\n`);
  if (file === undefined) streams.stdout.write(`${line}\n`);
  else streams.stderr.write(isNew ? `${user} is new in ${file}\n` : `${user} has a new password in ${file}\n`);
}

function hashSlowly(password: string, cost: number): Promise<string> {
  const checker = createPasswordChecker();
  return checker.make(password, cost).finally(() => checker.close());
}

interface Arguments {
  readonly help: boolean;
  readonly user: string;
  readonly file: string | undefined;
  readonly cost: number;
  readonly isMade: boolean;
  readonly isDelete: boolean;
}

/** Nothing but names of flags gets into an error: people do write passwords here. */
function readArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parse(argv);
  const [user = '', file] = positionals;
  const cost = values.cost === undefined ? DEFAULT_COST : Number(values.cost);
  if (!values.help) {
    if (positionals.length < 1 || positionals.length > 2) throw new CommandError(`expected ${SYNOPSIS}`);
    if (!isUserName(user)) {
      throw new CommandError(
        'the user name must be 1 to 255 characters without a colon or control characters, no # before it and no blank around it',
      );
    }
    if (file === '') throw new CommandError('the name of the file is empty');
    if (!/^\d+$/.test(values.cost ?? '10') || cost < MIN_COST || cost > MAX_COST) {
      throw new CommandError(`--cost: expected a whole number from ${MIN_COST} to ${MAX_COST}`);
    }
    if (values.generate && (values.delete || values.cost !== undefined)) {
      throw new CommandError('--generate makes a login by itself: take --cost and --delete out');
    }
  }
  const [help, isMade, isDelete] = [values.help, values.generate, values.delete].map(Boolean);
  return { help, user, file, cost, isMade, isDelete };
}

function parse(argv: readonly string[]) {
  try {
    const options = {
      cost: { type: 'string' },
      delete: { type: 'boolean' },
      generate: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch {
    throw new CommandError(`expected ${SYNOPSIS}`);
  }
}
