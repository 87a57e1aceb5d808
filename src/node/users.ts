import { createHmac, randomBytes } from 'node:crypto';
import type { Identity } from '../core/admission';
import { parseBasic } from '../core/basic';
import { costOf, isUserName } from '../core/htpasswd';
import { ATTEMPT_WINDOW, Attempts } from '../shell/attempts';
import { readSignedToken, signToken } from './login-tokens';
import { createPasswordChecker, type PasswordChecker } from './passwords';

/** Milliseconds for which a login that was right is not checked again: clients send it with each request for a token. */
export const REMEMBERED_TIME = 5 * 60_000;

/** Logins remembered at most, right ones and wrong ones; one more drops the oldest. */
export const MAX_REMEMBERED = 1000;

/** Of a made-up hash where there is no user to go by. */
const DEFAULT_COST = 10;

const WRONG: Identity = { kind: 'refused', why: 'wrong user name or password' };

/** The users of the proxy itself: finds out who a request comes from, and gives out tokens that say so. */
export class Users {
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #key: Buffer;
  readonly #checker: PasswordChecker;
  readonly #attempts = new Attempts();
  /** By `#proofOf`, since no password is kept: until when, of performance.now(), it need not be checked again. */
  readonly #remembered = new Map<string, number>();
  /** The same of logins that were wrong: containerd sends one five times a pull, and who repeats a password guesses nothing. */
  readonly #refused = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<Identity>>();
  #decoyCost: number | undefined;
  #secret: Buffer | undefined;

  /**
   * @param hashes bcrypt hashes by user name
   * @param key of `tokenKey`
   */
  constructor(hashes: ReadonlyMap<string, string>, key: Buffer, checker: PasswordChecker = createPasswordChecker()) {
    this.#hashes = hashes;
    this.#key = key;
    this.#checker = checker;
  }

  /** Reads a whole `Authorization` field: Basic (RFC 7617), or Bearer with a token that `issue` made. */
  async identify(authorization: string): Promise<Identity> {
    const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token !== undefined) return this.#identifyToken(token);
    const login = parseBasic(authorization);
    if (!login) return { kind: 'refused', why: 'neither a login nor a token' };
    // A name that no user can have is not counted: it would only fill the memory.
    return isUserName(login.username) ? this.#logIn(login.username, login.password) : WRONG;
  }

  /**
   * A token for a user, or for somebody who did not log in. It is void once the user is gone or has another password.
   * @param lifetime milliseconds
   * @throws Error where there is no such user
   */
  issue(name: string | undefined, lifetime: number): string {
    const hash = name === undefined ? undefined : this.#hashes.get(name);
    if (name !== undefined && hash === undefined) throw new Error('no token for a user that does not exist');
    return signToken(this.#key, name, hash, Date.now() + lifetime);
  }

  close(): void {
    this.#checker.close();
  }

  #identifyToken(token: string): Identity {
    const verdict = readSignedToken(this.#key, token, (name) => this.#hashes.get(name), Date.now());
    switch (verdict.kind) {
      case 'valid':
        return verdict.name === undefined ? { kind: 'anonymous' } : { kind: 'user', name: verdict.name };
      case 'expired':
        return { kind: 'refused', why: 'the token has expired' };
      case 'forged':
        return { kind: 'refused', why: 'not a token of this proxy, or of a user who is gone or has another password' };
    }
  }

  async #logIn(name: string, password: string): Promise<Identity> {
    const hash = this.#hashes.get(name);
    const proof = this.#proofOf(name, hash, password);
    const until = this.#remembered.get(proof);
    if (until !== undefined && until > performance.now()) return { kind: 'user', name };
    if ((this.#refused.get(proof) ?? 0) > performance.now()) return WRONG;
    const same = this.#underWay.get(proof);
    if (same) return same;
    // What was right before is no guess: by guessing, nobody can lock out those who are here already.
    const takeBack = until === undefined ? this.#attempts.begin(name, hash !== undefined) : () => {};
    if (!takeBack) return { kind: 'busy', why: 'too many failed logins of this user' };
    const check = this.#check(name, hash, password)
      .then((identity) => {
        if (identity.kind !== 'refused') takeBack();
        if (identity.kind === 'user') remember(this.#remembered, proof, REMEMBERED_TIME);
        if (identity.kind === 'refused') remember(this.#refused, proof, ATTEMPT_WINDOW);
        return identity;
      })
      .finally(() => this.#underWay.delete(proof));
    this.#underWay.set(proof, check);
    return check;
  }

  async #check(name: string, hash: string | undefined, password: string): Promise<Identity> {
    try {
      // Without a user too: how long it takes must not tell who is one.
      const isRight = await this.#checker.check(password, hash ?? this.#decoyOf(name));
      return isRight && hash !== undefined ? { kind: 'user', name } : WRONG;
    } catch (error) {
      return { kind: 'busy', why: `the password was not checked: ${(error as Error).message}` };
    }
  }

  /** Names a login without holding it. */
  #proofOf(name: string, hash: string | undefined, password: string): string {
    return this.#hmac('sha256', JSON.stringify([name, hash ?? null, password])).toString('base64');
  }

  /**
   * A hash of no password, as costly as most of the others. Each name has its own, as users do: checks of the same
   * password against the same hash are one, and would all be over at once.
   */
  #decoyOf(name: string): string {
    this.#decoyCost ??= commonCost([...this.#hashes.values()]);
    const random = this.#hmac('sha512', name).toString('base64').replaceAll('+', '.');
    return `$2y$${String(this.#decoyCost).padStart(2, '0')}$${random.slice(0, 21)}.${random.slice(21, 52)}`;
  }

  #hmac(algorithm: string, text: string): Buffer {
    this.#secret ??= randomBytes(32);
    return createHmac(algorithm, this.#secret).update(text).digest();
  }
}

/** @param time milliseconds */
function remember(proofs: Map<string, number>, proof: string, time: number): void {
  proofs.delete(proof);
  proofs.set(proof, performance.now() + time);
  const [oldest] = proofs.keys();
  if (proofs.size > MAX_REMEMBERED) proofs.delete(oldest);
}

function commonCost(hashes: readonly string[]): number {
  const counts = new Map<number, number>();
  for (const hash of hashes) counts.set(costOf(hash), (counts.get(costOf(hash)) ?? 0) + 1);
  const [common] = [...counts].sort(([, one], [, other]) => other - one);
  return common?.[0] ?? DEFAULT_COST;
}
