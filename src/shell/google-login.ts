import type { GoogleAccount, GoogleKey } from '../core/google-account';
import { hrefOf, type Url } from '../core/url';
import { toBase64Url } from './base64url';
import type { CloudLogin, Machine } from './cloud-login';
import {
  type Asked,
  ask,
  type CloudFetch,
  type CloudResponse,
  clockHint,
  fieldsOf,
  refusal,
  textOf,
} from './cloud-request';
import { signRs256 } from './rs256';

/** What Google's registries call a login whose password is an access token (Artifact Registry, "Access token"). */
const USERNAME = 'oauth2accesstoken';

const NO_MACHINE = '; where this is no machine of Google Cloud, set credentials';

/** Seconds: the longest life of an assertion that Google accepts. */
const ASSERTION_LIFETIME = 3600;

/** Seconds that an assertion is dated back, since one from the future is refused. */
const CLOCK_TOLERANCE = 30;

export async function googleLogin(
  account: GoogleAccount,
  fetch: CloudFetch,
  now: () => number,
  machine: Machine | undefined,
): Promise<CloudLogin> {
  if (account.kind === 'google-json-key') {
    return { username: '_json_key', password: account.key, expiresIn: Number.POSITIVE_INFINITY };
  }
  const isMachine = account.kind === 'google-machine';
  const who = isMachine ? "Google's metadata server" : 'Google';
  const response = await ask(fetch, who, () => tokenRequest(account, now(), machine), isMachine ? NO_MACHINE : '');
  const { access_token: token, expires_in: seconds } = fieldsOf(response);
  const password = textOf(token);
  if (response.status !== 200) throw new Error(describe(account, who, response, now()));
  if (!/^[\x21-\x7e]+$/.test(password)) throw new Error(`${who} answers without an access token`);
  return { username: USERNAME, password, expiresIn: typeof seconds === 'number' && seconds > 0 ? seconds : 60 };
}

type Asking = Exclude<GoogleAccount, { kind: 'google-json-key' }>;

async function tokenRequest(account: Asking, now: number, machine: Machine | undefined): Promise<Asked> {
  switch (account.kind) {
    case 'google-machine':
      if (!machine) throw new Error('this platform has no service account of Google: set credentials');
      return machine.googleToken;
    case 'google-key':
      return formRequest(account.tokenUrl, {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: await assertionOf(account, now),
      });
    case 'google-user':
      // No scope: a token may only be narrowed to one that was granted by name, and gcloud asks for cloud-platform.
      return formRequest(account.tokenUrl, {
        grant_type: 'refresh_token',
        client_id: account.clientId,
        client_secret: account.clientSecret,
        refresh_token: account.refreshToken,
      });
  }
}

function formRequest(url: Url, fields: Record<string, string>): Asked {
  const body = new URLSearchParams(fields).toString();
  return { method: 'POST', url, headers: [['content-type', 'application/x-www-form-urlencoded']], body };
}

/**
 * A JWT by which the account asks for a token (RFC 7523 section 3, RS256 of RFC 7518).
 * @throws Error where the key cannot be read; the library's own words may quote it
 */
async function assertionOf({ email, keyId, privateKey, tokenUrl, scope }: GoogleKey, now: number): Promise<string> {
  const issued = Math.floor(now / 1000) - CLOCK_TOLERANCE;
  const head = { alg: 'RS256', typ: 'JWT', ...(keyId && { kid: keyId }) };
  const claims = { iss: email, scope, aud: hrefOf(tokenUrl), iat: issued, exp: issued + ASSERTION_LIFETIME };
  const encoder = new TextEncoder();
  const signed = [head, claims].map((part) => toBase64Url(encoder.encode(JSON.stringify(part)))).join('.');
  try {
    return `${signed}.${toBase64Url(await signRs256(privateKey, encoder.encode(signed)))}`;
  } catch {
    throw new Error('private_key cannot be used: it is not an RSA key, or part of it is missing');
  }
}

function describe(account: Asking, who: string, response: CloudResponse, now: number): string {
  const { error, error_description: description } = fieldsOf(response);
  const said = refusal(who, response.status, error, description, secretsOf(account));
  return said + hintOf(account, response.status, textOf(error), textOf(description), now);
}

function secretsOf(account: Asking): readonly string[] {
  if (account.kind === 'google-user') return [account.clientSecret, account.refreshToken];
  return account.kind === 'google-key' ? [account.privateKey] : [];
}

function hintOf(account: Asking, status: number, error: string, description: string, now: number): string {
  if (account.kind === 'google-machine') return status === 404 ? '; this machine has no service account' : '';
  if (/short-lived|timeframe|iat|exp values/i.test(description)) return clockHint(now);
  if (/JWT signature/i.test(description)) return '; the key has been deleted, or belongs to another account';
  if (/account not found/i.test(description)) return '; the service account has been deleted';
  if (error !== 'invalid_grant') return '';
  return account.kind === 'google-user'
    ? '; log in anew with gcloud auth application-default login, or use a service account'
    : clockHint(now);
}
