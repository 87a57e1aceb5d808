import { randomUUID, sign, X509Certificate } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { TlsIdentity } from '../../upstream/listen';
import { type Access, accounts, granted } from './accounts';
import { accountUsers, foreignCredential, foreignUser } from './foreign';
import { noteWhenAnswered } from './journal';

export interface TokenOptions {
  world: string;
  host: string;
  service: string;
  issuer: string;
  signer: TlsIdentity;
  /** Refuses a token that would be good for nothing, as ghcr.io and GitLab do, instead of issuing it. */
  refusesStrangers?: boolean;
}

/**
 * The token server of the distribution specification, GET and POST (OAuth2), whose tokens a docker-registry accepts:
 * signed by a key whose certificate stands in its `rootcertbundle`.
 */
export function tokenServer(options: TokenOptions): RequestListener {
  return async (req, res) => {
    const note = noteWhenAnswered(options.world, options.host, req, res);
    const answer = (status: number, body: unknown) => {
      const bytes = Buffer.from(JSON.stringify(body));
      res.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length }).end(bytes);
    };
    const refuse = (status: number, code: string) => answer(status, { errors: [{ code, message: code }] });

    const url = new URL(req.url ?? '/', `https://${options.host}`);
    if (url.pathname !== '/token') return refuse(404, 'NOT_FOUND');
    const form = req.method === 'POST' ? new URLSearchParams(await text(req)) : url.searchParams;
    if (form.get('service') !== options.service) {
      note.accusation = `asked for a token of service ${form.get('service')}`;
      return refuse(400, 'UNKNOWN_SERVICE');
    }
    if (req.headers.cookie || req.headers['x-forwarded-for']) note.accusation = 'brought what is not meant for us';
    const known = { users: accountUsers, issuer: options.issuer };
    note.accusation ??=
      foreignCredential(req.headers.authorization, known) ?? foreignUser(form.get('username') ?? undefined, known);

    const login = req.method === 'POST' ? formLogin(form) : basicLogin(req.headers.authorization);
    if (login === 'wrong') return refuse(401, 'UNAUTHORIZED');
    const scopes = form.getAll('scope').flatMap((value) => value.split(' ').filter(Boolean));
    const access = scopes.map(parseScope).map((wanted) => granted(login, wanted));
    if (options.refusesStrangers && access.some(({ actions }) => actions.length === 0)) return refuse(403, 'DENIED');
    const token = jwt(options, login ?? '', access);
    const offline = form.get('offline_token') === 'true' || form.get('access_type') === 'offline';
    const refresh = offline && login && accounts[login]?.getsRefreshToken ? { refresh_token: `refresh-${login}` } : {};
    answer(200, { token, access_token: token, expires_in: 300, issued_at: new Date().toISOString(), ...refresh });
  };
}

function basicLogin(header: string | undefined): string | undefined | 'wrong' {
  if (header === undefined) return undefined;
  const [scheme, value = ''] = header.split(' ');
  if (scheme?.toLowerCase() !== 'basic') return 'wrong';
  const [user = '', ...password] = Buffer.from(value, 'base64').toString('utf8').split(':');
  return accounts[user]?.password === password.join(':') ? user : 'wrong';
}

function formLogin(form: URLSearchParams): string | undefined | 'wrong' {
  switch (form.get('grant_type')) {
    case 'password': {
      const user = form.get('username') ?? '';
      return accounts[user]?.password === form.get('password') ? user : 'wrong';
    }
    case 'refresh_token': {
      const user = /^refresh-(.+)$/.exec(form.get('refresh_token') ?? '')?.[1];
      return user && accounts[user] ? user : 'wrong';
    }
    default:
      return 'wrong';
  }
}

function parseScope(scope: string): Access {
  const [type = '', ...rest] = scope.split(':');
  const actions = rest.pop() ?? '';
  return { type, name: rest.join(':'), actions: actions.split(',') };
}

function jwt({ issuer, service, signer }: TokenOptions, subject: string, access: Access[]): string {
  const now = Math.floor(Date.now() / 1000);
  const head = { typ: 'JWT', alg: 'ES256', x5c: [new X509Certificate(signer.cert).raw.toString('base64')] };
  const claims = {
    iss: issuer,
    sub: subject,
    aud: service,
    exp: now + 300,
    nbf: now - 10,
    iat: now,
    jti: randomUUID(),
    access,
  };
  const unsigned = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(unsigned), { key: signer.key, dsaEncoding: 'ieee-p1363' });
  return `${unsigned}.${signature.toString('base64url')}`;
}

async function text(req: IncomingMessage): Promise<string> {
  let whole = '';
  for await (const chunk of req) whole += chunk;
  return whole;
}
