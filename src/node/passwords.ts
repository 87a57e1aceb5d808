import { createHmac, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hasControlCharacter } from '../core/htpasswd';
import type { SlowChecker } from '../shell/users';
import { bcryptSource } from './bcrypt-source';
import { WorkerPool } from './worker-pool';

/**
 * Bytes that bcrypt looks at. Apache and distribution ignore what follows, so that any password with the same beginning
 * opens their doors; Go's GenerateFromPassword refuses to make such hashes. Here they are neither made nor matched.
 */
export const MAX_PASSWORD_BYTES = 72;

/** Checks that wait at most, and the milliseconds they do: at cost 10 a check takes some 80 ms. */
export const MAX_WAITING = 256;
export const MAX_WAIT = 15_000;

/** Its `check` throws BusyError where too many checks wait. */
export interface PasswordChecker extends SlowChecker {
  /**
   * A bcrypt hash of a password that `passwordFault` has no objection to.
   * @throws as check
   */
  make(password: string, cost: number): Promise<string>;
}

/** Checks passwords in threads, so that requests go on meanwhile: bcrypt is slow by design. */
export function createPasswordChecker(): PasswordChecker {
  const pool = new WorkerPool(workerCode, { workers: workers(), waiting: MAX_WAITING, wait: MAX_WAIT });
  const underWay = new Map<string, Promise<boolean>>();
  let key: Buffer | undefined;
  return {
    check(password, hash) {
      if (passwordFault(password) !== undefined) return Promise.resolve(false);
      key ??= randomBytes(32);
      const name = createHmac('sha256', key)
        .update(JSON.stringify([password, hash]))
        .digest('base64');
      const same = underWay.get(name);
      if (same) return same;
      const check = ask(pool, 'compareSync', password, hash)
        .then((reply) => reply === true)
        .finally(() => underWay.delete(name));
      underWay.set(name, check);
      return check;
    },
    async make(password, cost) {
      const hash = await ask(pool, 'hashSync', password, cost);
      // As Apache names the same algorithm, and every other program reads it.
      return String(hash).replace(/^\$2b/, '$2y');
    },
    close: () => pool.close(),
  };
}

/** What is wrong with a password, if anything; the end of a sentence. */
export function passwordFault(password: string): string | undefined {
  if (password === '') return 'is empty';
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    return `is longer than ${MAX_PASSWORD_BYTES} bytes, of which bcrypt would ignore the rest`;
  }
  return hasControlCharacter(password) ? 'holds a control character, which no login can carry' : undefined;
}

/** One core is left to the requests where there are several. */
function workers(): number {
  return Math.max(1, Math.min(2, availableParallelism() - 1));
}

/** What bcryptjs throws may quote the hash. */
const workerCode = () => `${bcryptSource()};
{
  const bcrypt = module.exports;
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', ([work, ...given]) => {
    let reply;
    try { reply = { value: bcrypt[work](...given) }; } catch { reply = {}; }
    parentPort.postMessage(reply);
  });
}`;

async function ask(pool: WorkerPool, work: 'compareSync' | 'hashSync', ...given: (string | number)[]) {
  const { value } = (await pool.run([work, ...given])) as { value?: boolean | string };
  if (value === undefined) throw new Error('bcrypt cannot work with what it was given');
  return value;
}
