import type { Identity } from '../core/admission';
import { parseBasic } from '../core/basic';
import type { Gate } from '../core/gate';
import { costOf, isMadeHash, isUserName } from '../core/htpasswd';
import { ATTEMPT_WINDOW, Attempts } from './attempts';
import { toBase64Url } from './base64url';
import { hmacOf } from './digests';
import { readSignedToken, signToken, tokenKey } from './login-tokens';
import { hashPassword, isPasswordOf, makePassword } from './made-passwords';

/** Milliseconds for which a login that was right is not checked again: clients send it with each request for a token. */
export const REMEMBERED_TIME = 5 * 60_000;

/** Logins remembered at most, right ones and wrong ones; one more drops the oldest. */
export const MAX_REMEMBERED = 1000;

const WRONG: Identity = { kind: 'refused', why: 'wrong user name or password' };

/** Checks passwords against hashes that are slow by design, elsewhere than where requests are served. */
export interface SlowChecker {
  /**
   * Whether it is the password that a bcrypt hash was made of.
   * @throws Error where it could not be found out, in words fit for a client
   */
  check(password: string, hash: string): Promise<boolean>;
  close(): void;
}

/**
 * The users of a gate; every instance that is given the same ones and the same secret knows their tokens.
 * @param checker of bcrypt hashes, needed where there are any
 */
export function openUsers({ users, secret }: Gate, checker?: SlowChecker): Users {
  return new Users(users, tokenKey([secret ?? '', ...[...users].flat()]), checker);
}

/** The users of the proxy itself: finds out who a request comes from, and gives out tokens that say so. */
export class Users {
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #key: Uint8Array;
  readonly #checker: SlowChecker | undefined;
  readonly #attempts = new Attempts();
  /** By `#proofOf`, since no password is kept: until when, of performance.now(), it need not be checked again. */
  readonly #remembered = new Map<string, number>();
  /** The same of logins that were wrong: containerd sends one five times a pull, and who repeats a password guesses nothing. */
  readonly #refused = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<Identity>>();
  #commonKind: Kind | undefined;
  #madeDecoy: string | undefined;
  #secret: Uint8Array | undefined;

  /**
   * @param hashes by user name, as `parseHtpasswd` takes them
   * @param key of `tokenKey`
   */
  constructor(hashes: ReadonlyMap<string, string>, key: Uint8Array, checker?: SlowChecker) {
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
    this.#checker?.close();
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
    // Without a user too: how long it takes must not tell who is one.
    const against = hash ?? this.#decoyOf(name);
    const proof = this.#proofOf(name, against, password);
    const until = this.#remembered.get(proof);
    if (until !== undefined && until > performance.now()) return { kind: 'user', name };
    if ((this.#refused.get(proof) ?? 0) > performance.now()) return WRONG;
    const same = this.#underWay.get(proof);
    if (same) return same;
    // What was right before is no guess: by guessing, nobody can lock out those who are here already.
    const takeBack = until === undefined ? this.#attempts.begin(name, hash !== undefined) : () => {};
    if (!takeBack) return { kind: 'busy', why: 'too many failed logins of this user' };
    const conclude = (identity: Identity) => {
      if (identity.kind !== 'refused') takeBack();
      if (identity.kind === 'user') remember(this.#remembered, proof, REMEMBERED_TIME);
      if (identity.kind === 'refused') remember(this.#refused, proof, ATTEMPT_WINDOW);
      return identity;
    };
    // At once: in a Worker no request may wait for what another one began.
    if (isMadeHash(against)) return conclude(this.#verdict(name, isPasswordOf(against, password)));
    const check = this.#checkSlowly(name, against, password)
      .then(conclude)
      .finally(() => this.#underWay.delete(proof));
    this.#underWay.set(proof, check);
    return check;
  }

  #verdict(name: string, isRight: boolean): Identity {
    return isRight && this.#hashes.has(name) ? { kind: 'user', name } : WRONG;
  }

  async #checkSlowly(name: string, hash: string, password: string): Promise<Identity> {
    try {
      if (!this.#checker) throw new Error('bcrypt is not to be had here');
      return this.#verdict(name, await this.#checker.check(password, hash));
    } catch (error) {
      return { kind: 'busy', why: `the password was not checked: ${(error as Error).message}` };
    }
  }

  /** Names a login without holding it. */
  #proofOf(name: string, hash: string, password: string): string {
    return toBase64Url(this.#hmac(JSON.stringify([name, hash, password])));
  }

  /**
   * A hash of no password, as costly as most of the others. With bcrypt each name has its own, as users do: checks of the
   * same password against the same hash are one, and would all be over at once.
   */
  #decoyOf(name: string): string {
    this.#commonKind ??= commonKind([...this.#hashes.values()]);
    if (this.#commonKind === 'made') {
      this.#madeDecoy ??= hashPassword(makePassword());
      return this.#madeDecoy;
    }
    const random = [1, 2].map((part) => toBase64Url(this.#hmac(`${part} ${name}`)).replace(/[-_]/g, '.')).join('');
    return `$2y$${String(this.#commonKind).padStart(2, '0')}$${random.slice(0, 21)}.${random.slice(21, 52)}`;
  }

  /** Chance is had at the first use: a Worker has none before its first request. */
  #hmac(text: string): Uint8Array {
    this.#secret ??= crypto.getRandomValues(new Uint8Array(32));
    return hmacOf(this.#secret, text);
  }
}

/** @param time milliseconds */
function remember(proofs: Map<string, number>, proof: string, time: number): void {
  proofs.delete(proof);
  proofs.set(proof, performance.now() + time);
  const [oldest] = proofs.keys();
  if (proofs.size > MAX_REMEMBERED) proofs.delete(oldest);
}

/** The cost of bcrypt, or that of a password that was made. */
type Kind = number | 'made';

function commonKind(hashes: readonly string[]): Kind {
  const kinds = hashes.map((hash): Kind => (isMadeHash(hash) ? 'made' : costOf(hash)));
  const counts = new Map<Kind, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const [common] = [...counts].sort(([, one], [, other]) => other - one);
  // Where there are no users, there is none to be told from the others.
  return common?.[0] ?? 'made';
}
