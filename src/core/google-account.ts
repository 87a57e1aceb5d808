import type { AccountPlace } from './cloud-account';
import type { DocumentFields } from './document-fields';
import { parseUrl, type Url } from './url';

export type GoogleAccount =
  | GoogleKey
  | GoogleUser
  /** The service account of the machine that the proxy runs on. */
  | { readonly kind: 'google-machine' }
  /** The whole key as a password: it goes to the registry itself, and never runs out. */
  | { readonly kind: 'google-json-key'; readonly key: string };

/** A service account's key file (`type: service_account`). */
export interface GoogleKey {
  readonly kind: 'google-key';
  readonly email: string;
  readonly keyId?: string;
  /** PEM. */
  readonly privateKey: string;
  readonly tokenUrl: Url;
  /** What the token may be used for (RFC 6749 section 3.3). */
  readonly scope: string;
}

/** A person's own login, as `gcloud auth application-default login` stores it (`type: authorized_user`). */
export interface GoogleUser {
  readonly kind: 'google-user';
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly tokenUrl: Url;
}

/**
 * Storage's scopes are what machines of Google pull and push with, from gcr.io and *.pkg.dev alike (Artifact Registry,
 * "Deploying to Compute Engine"); the usual `cloud-platform` would open every other service of the project as well.
 */
const PULL_SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only';
const PUSH_SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';

/** Where today's files say tokens come from; older ones name other hosts of Google. */
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const TOKEN_HOST = /^(?:[a-z0-9-]+\.)*googleapis\.com$|^accounts\.google\.com$/;

export function isGoogleRegistry(host: string): boolean {
  return /^(?:[a-z0-9-]+\.)?gcr\.io$|^[a-z0-9-]+\.pkg\.dev$/.test(host);
}

/** Reads `type: google`, or a file of Google itself. */
export function readGoogleAccount(fields: DocumentFields, place: AccountPlace): GoogleAccount | undefined {
  if (!isGoogleRegistry(place.host) && !isAllowedLoopback(place.host, place)) {
    fields.fault('type', `a login of Google is for gcr.io and *.pkg.dev only, and not for ${place.host}`);
  }
  if (typeOf(fields) !== 'google') return readCredentials(fields, place, false);
  const push = fields.flag('push') ?? false;
  const form = fields.choice('as', 'token', 'json-key');
  const isMachine = !fields.has('credentials');
  const credentials = fields.mapping('credentials');
  fields.refuseOthers();
  if (isMachine && place.isRoleless) fields.fault('credentials', 'is missing: this platform has no service account');
  if (form !== 'json-key') {
    return isMachine ? { kind: 'google-machine' } : credentials && readCredentials(credentials, place, push);
  }
  if (isMachine || (credentials && typeOf(credentials) !== 'service_account')) {
    fields.fault('as', "json-key needs a service account's key in credentials");
  }
  return credentials && { kind: 'google-json-key', key: credentials.json() };
}

function typeOf(fields: DocumentFields): string | undefined {
  return fields.text('type');
}

/** A file of Google; what else it holds is no business of ours. */
function readCredentials(fields: DocumentFields, place: AccountPlace, push: boolean): GoogleAccount | undefined {
  const universe = fields.text('universe_domain') ?? 'googleapis.com';
  if (universe !== 'googleapis.com') fields.fault('universe_domain', 'only googleapis.com is supported');
  const tokenUrl = readTokenUrl(fields, place);
  const required = (key: string) => fields.required(key, (each) => fields.text(each));
  switch (typeOf(fields)) {
    case 'authorized_user':
      return {
        kind: 'google-user',
        clientId: required('client_id'),
        clientSecret: required('client_secret'),
        refreshToken: required('refresh_token'),
        tokenUrl,
      };
    case 'service_account': {
      const keyId = fields.text('private_key_id');
      return {
        kind: 'google-key',
        email: required('client_email'),
        ...(keyId && { keyId }),
        privateKey: fields.required('private_key', (key) => fields.take(key, 'a key in PEM form', parsePrivateKey)),
        tokenUrl,
        scope: push ? PUSH_SCOPE : PULL_SCOPE,
      };
    }
    default:
      return fields.fault('type', 'expected service_account or authorized_user');
  }
}

/** With the line ends that shells and environment variables like to lose or to write out. */
function parsePrivateKey(text: string): string | undefined {
  const pem = text.replace(/\\n|\r\n/g, '\n').trim();
  const isPem = /^-----BEGIN (?:RSA )?PRIVATE KEY-----\n[\s\S]+-----END (?:RSA )?PRIVATE KEY-----$/.test(pem);
  return isPem ? `${pem}\n` : undefined;
}

/** Whoever gets an assertion gets a token for it, so that the file alone does not decide who that is. */
function readTokenUrl(fields: DocumentFields, place: AccountPlace): Url {
  const usual = parseUrl(TOKEN_URL) as Url;
  const url = fields.take('token_uri', 'https on googleapis.com', (text) => {
    const given = parseUrl(text);
    if (given?.scheme === 'https' && given.port === 443 && TOKEN_HOST.test(given.hostname)) return given;
    return given && isAllowedLoopback(given.hostname, place) ? given : undefined;
  });
  return url ?? usual;
}

function isAllowedLoopback(hostname: string, { loopback }: AccountPlace): boolean {
  return loopback === true && /^(?:127(?:\.\d+){3}|\[::1\]|localhost)$/.test(hostname);
}
