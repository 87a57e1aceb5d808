import { createVerify, generateKeyPairSync, randomUUID } from 'node:crypto';
import { basicLogin } from '../../src/core/basic';
import type { CloudAccount } from '../../src/core/cloud-account';
import { parseUrl, type Url } from '../../src/core/url';
import type { CloudRequest } from '../../src/shell/cloud-request';
import { hashPassword, makePassword } from '../../src/shell/made-passwords';
import { openUsers } from '../../src/shell/users';
import { type Call, startInWorkerd } from '../tools/workerd';

const password = makePassword();
const gate = {
  realm: '',
  users: new Map([['ci', hashPassword(password)]]),
  anonymousPull: false,
  satisfy: 'all',
  secret: randomUUID(),
} as const;

/** A Worker that does what the tests ask it to; its users are opened where no request is there yet. */
const source = `
  import { fetchLogin } from './shell/cloud-login';
  import { openUsers } from './shell/users';
  const users = openUsers({ users: new Map(${JSON.stringify([...gate.users])}), secret: '${gate.secret}' });
  const work = {
    identify: ({ authorization }) => users.identify(authorization),
    issue: ({ name }) => users.issue(name, 60_000),
    async login({ account, host, answer }) {
      const asked = [];
      const fetch = async (request) => (asked.push(request), { status: 200, body: JSON.stringify(answer) });
      return { asked, document: await fetchLogin(account, host, fetch).catch((error) => error.message) };
    },
  };`;

let worker: Awaited<ReturnType<typeof startInWorkerd>>;
beforeAll(async () => {
  worker = await startInWorkerd(source);
});
afterAll(() => worker.stop());

const run: Call = (name, given) => worker.call(name, given);

/** What was asked of the cloud, and the document or the error. */
const obtain = (account: CloudAccount, host: string, answer: object) =>
  run<{ asked: CloudRequest[]; document: string }>('login', { account, host, answer });

describe('in workerd', () => {
  const user = { kind: 'user', name: 'ci' };
  const login = (name: string, secret: string) =>
    run('identify', { authorization: basicLogin({ username: name, password: secret }) });

  test('a user with a made password is known, and nobody else', async () => {
    expect(await Promise.all([login('ci', password), login('ci', password)])).toEqual([user, user]);
    for (const [name, secret] of [
      ['ci', makePassword()],
      ['cd', password],
    ]) {
      expect(await login(name, secret)).toMatchObject({ kind: 'refused' });
    }
  });

  test('tokens are those of Node, in both directions', async () => {
    const here = openUsers(gate);
    expect(await here.identify(`Bearer ${await run('issue', { name: 'ci' })}`)).toEqual(user);
    expect(await run('identify', { authorization: `Bearer ${here.issue('ci', 60_000)}` })).toEqual(user);
    expect(await run('identify', { authorization: `Bearer ${here.issue('ci', -1000)}` })).toMatchObject({
      why: 'the token has expired',
    });
  });

  test.each(['pkcs1', 'pkcs8'] as const)('an account of Google signs for itself, by a key in %s', async (type) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const account: CloudAccount = {
      kind: 'google-key',
      email: 'robot@example.com',
      privateKey: privateKey.export({ type, format: 'pem' }) as string,
      tokenUrl: parseUrl('https://oauth2.googleapis.com/token') as Url,
      scope: 'x',
    };
    const token = randomUUID();
    const { asked, document } = await obtain(account, 'gcr.io', { access_token: token });
    expect(JSON.parse(document)).toMatchObject({ username: 'oauth2accesstoken', password: token });
    const [head, claims, signature] = (new URLSearchParams(asked[0].body).get('assertion') as string).split('.');
    expect(createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url')).toBe(true);
  });

  const api = parseUrl('https://api.example.com/') as Url;
  const keys = { id: 'AKID', secret: randomUUID() };

  test.each<[string, CloudAccount, object, RegExp]>([
    [
      'ECR',
      { kind: 'aws', region: 'eu-central-1', api, keys: { from: 'given', ...keys } },
      { authorizationData: [{ authorizationToken: btoa('AWS:secret') }] },
      /^AWS4-HMAC-SHA256 Credential=AKID\//,
    ],
    [
      'ACR',
      { kind: 'aliyun', api, instanceId: 'cri-1', keys },
      { TempUsername: 'AWS', AuthorizationToken: 'secret' },
      /^ACS3-HMAC-SHA256 Credential=AKID,/,
    ],
  ])('an account of %s gets its login', async (_, account, answer, signed) => {
    const { asked, document } = await obtain(account, 'r.example.com', answer);
    expect(JSON.parse(document)).toMatchObject({ username: 'AWS', password: 'secret' });
    expect(Object.fromEntries(asked[0].headers).authorization).toMatch(signed);
  });

  test('an account that needs a machine says what it needs', async () => {
    const { asked, document } = await obtain({ kind: 'google-machine' }, 'gcr.io', {});
    expect([asked, document]).toEqual([
      [],
      'no login for gcr.io: this platform has no service account of Google: set credentials',
    ]);
  });
});
