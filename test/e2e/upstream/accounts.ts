/** Who may do what in the imitated registries. */
export const accounts: Record<string, { password: string; mayPush: boolean; getsRefreshToken: boolean }> = {
  alice: { password: 'alice-secret', mayPush: true, getsRefreshToken: false },
  bob: { password: 'bob-secret', mayPush: false, getsRefreshToken: false },
  // As a registry with single sign-on does it: the login is turned into a token of its own.
  carol: { password: 'carol-secret', mayPush: true, getsRefreshToken: true },
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
