import { type Credentials, parseBasic } from './basic';
import type { CloudAccount } from './cloud-account';

export interface Login extends Credentials {
  readonly kind: 'login';
}

/** An `Authorization` field that goes with every request to the registry as it is. */
export interface FixedHeader {
  readonly kind: 'header';
  readonly value: string;
}

/** An account of a cloud, by which a login can be had that lives for some hours. */
export interface CloudLogins {
  readonly kind: 'cloud';
  readonly account: CloudAccount;
}

/** A right at a registry by which the proxy asks there. */
export type Account = Login | FixedHeader | CloudLogins;

/** Names an account in the memory of this process, without its secret. */
export function accountId(account: Account | undefined): string {
  switch (account?.kind) {
    case undefined:
      return '';
    case 'login':
      return encodeURIComponent(account.username);
    case 'header':
      return '=';
    case 'cloud':
      return '~';
  }
}

/** What stands in `AUTH_HEADER`: a login where it is one, since token servers take those too. */
export function headerAccount(value: string): Account {
  const login = parseBasic(value);
  return login ? { kind: 'login', ...login } : { kind: 'header', value: value.trim() };
}

/** `user:token,user:token`; undefined where one of them is none. */
export function parseAccounts(text: string): Login[] | undefined {
  const pairs = text.split(/[\s,]+/).filter(Boolean);
  const logins = pairs.flatMap((pair): Login[] => {
    const colon = pair.indexOf(':');
    const [username, password] = [pair.slice(0, colon), pair.slice(colon + 1)];
    return colon > 0 && password !== '' ? [{ kind: 'login', username, password }] : [];
  });
  return logins.length === pairs.length ? logins : undefined;
}
