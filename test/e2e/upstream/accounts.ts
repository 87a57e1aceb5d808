import { randomBytes } from 'node:crypto';

/** Made anew for each run; the process of the imitated hosts is handed the one that its parent made. */
export const ACCOUNT_SEED = 'E2E_ACCOUNT_SEED';

process.env[ACCOUNT_SEED] ??= randomBytes(9).toString('hex');

const password = (user: string) => `${user}-${process.env[ACCOUNT_SEED]}`;

/** The login of the registry that has no token server. */
export const basicUser = { user: 'basic-user', password: password('basic') };

/** Who may do what in the imitated registries. */
export const accounts: Record<string, { password: string; mayPush: boolean; getsRefreshToken: boolean }> = {
  alice: { password: password('alice'), mayPush: true, getsRefreshToken: false },
  bob: { password: password('bob'), mayPush: false, getsRefreshToken: false },
  // As a registry with single sign-on does it: the login is turned into a token of its own.
  carol: { password: password('carol'), mayPush: true, getsRefreshToken: true },
  // Known to proxies alone.
  robot: { password: password('robot'), mayPush: true, getsRefreshToken: false },
};

export interface Access {
  type: string;
  name: string;
  actions: string[];
}

/** What of the wanted access this user has; anonymous is undefined. */
export function granted(user: string | undefined, wanted: Access): Access {
  const may = user !== undefined && accounts[user]?.mayPush;
  const isPrivate = /(^|\/)private/.test(wanted.name);
  const actions = wanted.actions.filter((action) => {
    if (may) return true;
    return wanted.type === 'repository' && action === 'pull' && !isPrivate;
  });
  return { ...wanted, actions };
}
