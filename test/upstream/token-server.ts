import { randomBytes } from 'node:crypto';
import { type Exchange, type ListenOptions, listen, ociError, readBody, type Upstream } from './listen';

export interface Asked {
  method: 'GET' | 'POST';
  service?: string;
  scopes: string[];
  account?: string;
  grantType?: string;
  clientId?: string;
}

export interface TokenServerOptions extends ListenOptions {
  service: string;
  users?: Record<string, string>;
  /** Repositories that only users may pull, as they are named upstream. */
  privateRepositories?: string[];
  /** Seconds a token lasts; sent as expires_in. */
  lifetime?: number;
  /** The document names the token `access_token` only, as some servers do. */
  accessTokenOnly?: boolean;
  /** No credential is meant for this server: whoever brings one has leaked it. */
  foreign?: boolean;
  /** 405 on POST, as servers without OAuth2 answer. */
  getOnly?: boolean;
}

export interface TokenServer extends Upstream {
  realm: string;
  service: string;
  asked: Asked[];
  /** Whether a token is valid now and grants this action; `*` in the repository's place asks for any. */
  allows(token: string, access: Access): 'yes' | 'expired' | 'no';
  expireAll(): void;
}

export interface Access {
  type: string;
  name: string;
  action: string;
}

/** Docker's token protocol: GET (docs "token authentication") and POST (OAuth2), scopes granted as far as the user may. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const tokens = new Map<string, { granted: Access[]; until: number }>();
  const refreshTokens = new Map<string, string>();
  const asked: Asked[] = [];

  async function handle(exchange: Exchange): Promise<void> {
    const { seen } = exchange;
    if (seen.path !== '/token') return exchange.send(404, {}, 'no such page');
    if (options.foreign) accuseCredentials(exchange);
    for (const name of ['cookie', 'x-fc-access-key-secret', 'x-forwarded-for', 'ns']) {
      if (seen.header(name) !== undefined) exchange.accuse(`${name} reached the token server`);
    }
    if (seen.method === 'GET') return answerGet(exchange);
    if (seen.method === 'POST' && !options.getOnly) return answerPost(exchange);
    return exchange.send(405, { allow: 'GET' }, ociError('UNSUPPORTED', 'only GET'));
  }

  function answerGet(exchange: Exchange) {
    const { query } = exchange.seen;
    const login = basicLogin(exchange.seen.header('authorization'));
    const scopes = query.getAll('scope').flatMap((scope) => scope.split(' ').filter(Boolean));
    note(exchange, { method: 'GET', service: query.get('service') ?? undefined, scopes, account: login?.user });
    if (login && options.users?.[login.user] !== login.password) return refuse(exchange);
    const refreshable = query.get('offline_token') === 'true' && login !== undefined;
    return grant(exchange, scopes, login?.user, refreshable);
  }

  async function answerPost(exchange: Exchange): Promise<void> {
    if (!exchange.seen.header('content-type')?.startsWith('application/x-www-form-urlencoded')) {
      return exchange.send(400, {}, ociError('UNSUPPORTED', 'a form is expected'));
    }
    const form = new URLSearchParams((await readBody(exchange)).toString());
    const scopes = (form.get('scope') ?? '').split(' ').filter(Boolean);
    const grantType = form.get('grant_type') ?? undefined;
    const refreshToken = form.get('refresh_token') ?? '';
    const user = grantType === 'password' ? (form.get('username') ?? '') : refreshTokens.get(refreshToken);
    note(exchange, {
      method: 'POST',
      service: form.get('service') ?? undefined,
      scopes,
      account: user,
      grantType,
      clientId: form.get('client_id') ?? undefined,
    });
    if (options.foreign && (form.get('password') || refreshToken)) exchange.accuse('a login reached a foreign server');
    const known = grantType === 'password' ? options.users?.[user as string] === form.get('password') : user;
    if (!user || !known) return refuse(exchange);
    return grant(exchange, scopes, user, form.get('access_type') === 'offline', refreshToken || undefined);
  }

  function note(exchange: Exchange, entry: Asked): void {
    asked.push(entry);
    if (entry.service !== options.service) {
      exchange.accuse(`asked for a token of service ${entry.service}, this realm serves ${options.service}`);
    }
  }

  function grant(
    exchange: Exchange,
    scopes: string[],
    user?: string,
    refreshable = false,
    refreshToken?: string,
  ): void {
    const granted = scopes.flatMap(parseScope).filter((access) => mayHave(access, user));
    const token = `secret-token-${randomBytes(12).toString('hex')}`;
    const lifetime = options.lifetime ?? 300;
    tokens.set(token, { granted, until: Date.now() + lifetime * 1000 });
    const isPost = exchange.seen.method === 'POST';
    const document: Record<string, unknown> = { expires_in: lifetime, issued_at: new Date().toISOString() };
    if (isPost || options.accessTokenOnly) document.access_token = token;
    else document.token = token;
    if (isPost) document.scope = granted.map(({ type, name, action }) => `${type}:${name}:${action}`).join(' ');
    if (refreshable && user) {
      const refresh = refreshToken ?? `secret-refresh-${randomBytes(12).toString('hex')}`;
      refreshTokens.set(refresh, user);
      document.refresh_token = refresh;
    }
    exchange.send(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }, JSON.stringify(document));
  }

  function mayHave({ type, name, action }: Access, user?: string): boolean {
    if (user !== undefined) return true;
    return type === 'repository' && action === 'pull' && !options.privateRepositories?.includes(name);
  }

  const upstream = await listen(`token server ${options.service}`, handle, options);
  return {
    ...upstream,
    realm: `${upstream.url}/token`,
    service: options.service,
    asked,
    allows(token, wanted) {
      const known = tokens.get(token);
      if (!known) return 'no';
      if (known.until <= Date.now()) return 'expired';
      const matches = known.granted.some(
        ({ type, name, action }) =>
          type === wanted.type && name === wanted.name && (action === wanted.action || action === '*'),
      );
      return wanted.name === '*' || matches ? 'yes' : 'no';
    },
    expireAll: () => {
      for (const token of tokens.values()) token.until = 0;
    },
  };
}

function refuse(exchange: Exchange): void {
  exchange.send(
    401,
    { 'content-type': 'application/json' },
    ociError('UNAUTHORIZED', 'incorrect username or password'),
  );
}

function accuseCredentials(exchange: Exchange): void {
  if (exchange.seen.header('authorization') !== undefined) exchange.accuse('a login reached a foreign server');
}

export function basicLogin(header: string | undefined): { user: string; password: string } | undefined {
  const match = /^basic\s+(\S+)$/i.exec(header ?? '');
  if (!match) return undefined;
  const text = Buffer.from(match[1] as string, 'base64').toString();
  const colon = text.indexOf(':');
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** `type:name:action,action`, where a name may hold a port: first and last colon count. */
function parseScope(scope: string): Access[] {
  const first = scope.indexOf(':');
  const last = scope.lastIndexOf(':');
  if (first < 0 || first === last) return [];
  const type = scope.slice(0, first);
  const name = scope.slice(first + 1, last);
  return scope
    .slice(last + 1)
    .split(',')
    .map((action) => ({ type, name, action }));
}
