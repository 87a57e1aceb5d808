/** A user name and a password or access token. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** `Authorization` of a login (RFC 7617), in UTF-8. */
export function basicLogin({ username, password }: Credentials): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

const BASE64 = /^basic +((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/i;

/**
 * The login in an `Authorization` field (RFC 7617): UTF-8, and the password may hold colons.
 * @returns undefined where it is none, or malformed
 */
export function parseBasic(authorization: string): Credentials | undefined {
  const encoded = BASE64.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const login = decode(bytes);
  const colon = login?.indexOf(':') ?? -1;
  if (login === undefined || colon < 0) return undefined;
  return { username: login.slice(0, colon), password: login.slice(colon + 1) };
}

/** Whether it is the login without name and password that podman and skopeo send where they have been given none. */
export function isEmptyLogin(authorization: string): boolean {
  const login = parseBasic(authorization);
  return login?.username === '' && login.password === '';
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
