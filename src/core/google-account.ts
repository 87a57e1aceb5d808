import type { AccountPlace } from './cloud-account';
import { booleanIn, type Document, isDocument, refuseOtherKeys, requiredText, textIn } from './document';
import { originOf, parseUrl, type Url } from './url';

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

const REGISTRY_HOST = /^(?:[a-z0-9-]+\.)?gcr\.io$|^[a-z0-9-]+\.pkg\.dev$/;

/** Reads `type: google`, or a file of Google itself. */
export function readGoogleAccount(document: Document, place: AccountPlace, faults: string[]): GoogleAccount {
  if (!REGISTRY_HOST.test(place.host) && !isAllowedLoopback(place.host, place)) {
    faults.push(`type: a login of Google is for gcr.io and *.pkg.dev only, and not for ${place.host}`);
  }
  if (document.type !== 'google') return readCredentials(document, place, false, faults);
  refuseOtherKeys(document, ['type', 'credentials', 'as', 'push'], faults);
  const push = booleanIn(document, 'push', faults);
  const form = textIn(document, 'as', faults) ?? 'token';
  if (form !== 'token' && form !== 'json-key') faults.push('as: expected token or json-key');
  const credentials = documentAt(document.credentials, place, faults);
  if (form !== 'json-key') {
    return credentials ? readCredentials(credentials, place, push, faults) : { kind: 'google-machine' };
  }
  if (credentials?.type !== 'service_account') faults.push("credentials: as: json-key needs a service account's key");
  return { kind: 'google-json-key', key: JSON.stringify(credentials) ?? '' };
}

/** The file itself, or its content in place of its path. */
function documentAt(value: unknown, { files }: AccountPlace, faults: string[]): Document | undefined {
  if (value === undefined || value === null || isDocument(value)) return value ?? undefined;
  if (typeof value !== 'string') {
    faults.push("credentials: expected the path of a key file, or the key file's object");
    return undefined;
  }
  try {
    // A key on one line, as it fits into an environment variable.
    const document: unknown = value.trimStart().startsWith('{') ? JSON.parse(value) : files.document(value);
    if (isDocument(document)) return document;
    faults.push('credentials: is no object');
  } catch (error) {
    // The parser's own words quote the key.
    faults.push(`credentials: ${error instanceof SyntaxError ? 'is no JSON' : (error as Error).message}`);
  }
  return undefined;
}

function readCredentials(document: Document, place: AccountPlace, push: boolean, faults: string[]): GoogleAccount {
  const universe = textIn(document, 'universe_domain', faults) ?? 'googleapis.com';
  if (universe !== 'googleapis.com') faults.push('universe_domain: only googleapis.com is supported');
  const tokenUrl = readTokenUrl(textIn(document, 'token_uri', faults) ?? TOKEN_URL, place, faults);
  if (document.type === 'authorized_user') {
    return {
      kind: 'google-user',
      clientId: requiredText(document, 'client_id', faults),
      clientSecret: requiredText(document, 'client_secret', faults),
      refreshToken: requiredText(document, 'refresh_token', faults),
      tokenUrl,
    };
  }
  if (document.type !== 'service_account') {
    faults.push('credentials.type: expected service_account or authorized_user');
  }
  const keyId = textIn(document, 'private_key_id', faults);
  return {
    kind: 'google-key',
    email: requiredText(document, 'client_email', faults),
    ...(keyId && { keyId }),
    privateKey: readPrivateKey(document, faults),
    tokenUrl,
    scope: push ? PUSH_SCOPE : PULL_SCOPE,
  };
}

/** @returns PEM with the line ends that shells and environment variables like to lose or to write out */
function readPrivateKey(document: Document, faults: string[]): string {
  const before = faults.length;
  const pem = requiredText(document, 'private_key', faults).replace(/\\n|\r\n/g, '\n');
  const isPem = /^-----BEGIN (?:RSA )?PRIVATE KEY-----\n[\s\S]+-----END (?:RSA )?PRIVATE KEY-----$/.test(pem.trim());
  if (!isPem && faults.length === before) faults.push('private_key: expected a key in PEM form');
  return `${pem.trim()}\n`;
}

/** Whoever gets an assertion gets a token for it, so that the file alone does not decide who that is. */
function readTokenUrl(text: string, place: AccountPlace, faults: string[]): Url {
  const url = parseUrl(text);
  if (url?.scheme === 'https' && url.port === 443 && TOKEN_HOST.test(url.hostname)) return url;
  if (url && isAllowedLoopback(url.hostname, place)) return url;
  faults.push(`token_uri: expected https on googleapis.com${url ? `, not ${originOf(url)}` : ''}`);
  return parseUrl(TOKEN_URL) as Url;
}

function isAllowedLoopback(hostname: string, { loopback }: AccountPlace): boolean {
  return loopback === true && /^(?:127(?:\.\d+){3}|\[::1\]|localhost)$/.test(hostname);
}
