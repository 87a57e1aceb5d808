/** A user name and a password or access token (RFC 7617). */
export interface Login {
  readonly kind: 'login';
  readonly username: string;
  readonly password: string;
}

/** An `Authorization` field that goes with every request to the registry as it is. */
export interface FixedHeader {
  readonly kind: 'header';
  readonly value: string;
}

/** A right at a registry by which the proxy asks there. */
export type Account = Login | FixedHeader;

/** Names an account in the memory of this process, without its secret. */
export function accountId(account: Account | undefined): string {
  switch (account?.kind) {
    case undefined:
      return '';
    case 'login':
      return encodeURIComponent(account.username);
    case 'header':
      return '=';
  }
}

/** `Authorization` of a login (RFC 7617), in UTF-8. */
export function basicLogin({ username, password }: Login): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** The login that a Basic field holds; undefined for anything else. */
export function readBasic(value: string): Login | undefined {
  const match = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(value.trim());
  if (!match) return undefined;
  try {
    const bytes = Uint8Array.from(atob(match[1]), (character) => character.charCodeAt(0));
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const colon = text.indexOf(':');
    return colon < 0 ? undefined : { kind: 'login', username: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return undefined;
  }
}

/** What stands in `AUTH_HEADER`: a login where it is one, since token servers take those too. */
export function headerAccount(value: string): Account {
  return readBasic(value) ?? { kind: 'header', value: value.trim() };
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
