import { accounts, basicUser } from './accounts';

/** Whose logins and tokens a host knows. */
export interface Known {
  readonly users: readonly string[];
  /** Of its tokens; undefined where it has none. */
  readonly issuer?: string;
}

/** The users that Docker Hub and ghcr.io know here. */
export const accountUsers = Object.keys(accounts);

const allUsers = [...accountUsers, basicUser.user];

/** What is wrong with a login or a token that was made for another host: whoever brings it carries secrets around. */
export function foreignCredential(authorization: string | undefined, known: Known): string | undefined {
  const [scheme = '', value = ''] = (authorization ?? '').split(' ');
  if (/^basic$/i.test(scheme)) return foreignUser(Buffer.from(value, 'base64').toString().split(':')[0], known);
  if (!/^bearer$/i.test(scheme)) return undefined;
  if (value.startsWith('rp1.')) return 'got a token that the proxy gives to its own users';
  const issuer = issuerOf(value);
  return issuer === undefined || issuer === known.issuer ? undefined : `got a token of ${issuer}`;
}

export function foreignUser(user: string | undefined, { users }: Known): string | undefined {
  const isForeign = user !== undefined && allUsers.includes(user) && !users.includes(user);
  return isForeign ? `got the login of ${user}` : undefined;
}

function issuerOf(token: string): string | undefined {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).iss;
  } catch {
    return undefined;
  }
}
