import { ask, basic, type Reply } from './client';
import { type Content, type Image, sha256 } from './image';

/** What a client does for `docker pull` and `docker push`, from the challenge to the last byte. */

export interface Session {
  /** Origin of the registry that the client believes it talks to. */
  base: string;
  login?: { user: string; password: string };
  /** As containerd sends it to a mirror. */
  ns?: string;
}

export interface Pulled {
  manifest: Buffer;
  type: string;
  digest: string;
  blobs: Map<string, Buffer>;
}

const ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
];

export async function pull(session: Session, name: string, tag: string): Promise<Pulled> {
  const authorization = await authorize(session, `repository:${name}:pull`);
  const get = (path: string, accept?: string[]) =>
    ask(withNs(session, `${session.base}/v2/${name}/${path}`), {
      headers: { ...authorization, ...(accept ? { accept } : {}) },
    });
  const head = await ask(withNs(session, `${session.base}/v2/${name}/manifests/${tag}`), {
    method: 'HEAD',
    headers: { ...authorization, accept: ACCEPT },
  });
  expectStatus(head, 200);
  const digest = required(head, 'docker-content-digest');
  const manifest = await get(`manifests/${digest}`, ACCEPT);
  expectStatus(manifest, 200);
  if (sha256(manifest.body) !== digest) throw new Error('the manifest is not what its digest says');
  if (Number(required(head, 'content-length')) !== manifest.body.length)
    throw new Error('HEAD and GET differ in length');

  const { config, layers } = manifest.json() as { config: Described; layers: Described[] };
  const fetched = await Promise.all(
    [config, ...layers].map(async (wanted) => {
      const reply = await follow(session, await get(`blobs/${wanted.digest}`), authorization);
      expectStatus(reply, 200);
      if (reply.ending !== 'clean') throw new Error(`the connection broke after ${reply.body.length} bytes`);
      if (sha256(reply.body) !== wanted.digest) throw new Error('the blob is not what its digest says');
      return [wanted.digest, reply.body] as const;
    }),
  );
  return { manifest: manifest.body, type: required(manifest, 'content-type'), digest, blobs: new Map(fetched) };
}

export async function push(
  session: Session,
  name: string,
  tag: string,
  image: Image,
  chunk = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  const authorization = await authorize(session, `repository:${name}:pull,push`);
  for (const content of [image.config, ...image.layers]) {
    await pushBlob(session, name, content, chunk, authorization);
  }
  const put = await ask(`${session.base}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    headers: { ...authorization, 'content-type': image.manifest.type },
    body: image.manifest.bytes,
  });
  expectStatus(put, 201);
  if (required(put, 'docker-content-digest') !== image.manifest.digest) throw new Error('another digest came back');
}

/** POST, one PATCH per chunk, PUT with the digest, always to the Location that came last. */
export async function pushBlob(
  { base }: Session,
  name: string,
  { bytes, digest }: Content,
  chunk: number,
  authorization: Record<string, string> = {},
): Promise<Reply> {
  let reply = await ask(`${base}/v2/${name}/blobs/uploads/`, { method: 'POST', headers: authorization });
  expectStatus(reply, 202);
  for (let offset = 0; offset < bytes.length; offset += chunk) {
    const piece = bytes.subarray(offset, offset + chunk);
    reply = await ask(ownLocation(base, reply), {
      method: 'PATCH',
      headers: {
        ...authorization,
        'content-type': 'application/octet-stream',
        'content-length': piece.length,
        'content-range': `${offset}-${offset + piece.length - 1}`,
      },
      body: piece,
    });
    expectStatus(reply, 202);
    if (required(reply, 'range') !== `0-${offset + piece.length - 1}`)
      throw new Error('the range is not what was sent');
  }
  const last = new URL(ownLocation(base, reply));
  const query = `${last.search ? `${last.search}&` : '?'}digest=${encodeURIComponent(digest)}`;
  reply = await ask(last.href, { method: 'PUT', target: last.pathname + query, headers: authorization });
  expectStatus(reply, 201);
  return reply;
}

/** A token by the challenge of the ping, or nothing where none is asked for. */
export async function authorize(session: Session, ...scopes: string[]): Promise<Record<string, string>> {
  const ping = await ask(`${session.base}/v2/`);
  if (ping.status === 200) return {};
  expectStatus(ping, 401);
  const challenge = required(ping, 'www-authenticate');
  const { login } = session;
  const headers = login ? { authorization: basic(login.user, login.password) } : undefined;
  if (challenge.startsWith('Basic ')) {
    if (!headers) throw new Error('no basic auth credentials');
    return headers;
  }
  const { realm, service } = parseChallenge(challenge);
  const url = new URL(realm);
  url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const reply = await ask(url.href, { headers });
  expectStatus(reply, 200);
  const document = reply.json() as { token?: string; access_token?: string };
  return { authorization: `Bearer ${document.token ?? document.access_token}` };
}

export function parseChallenge(line: string): { realm: string; service: string; scope?: string } {
  const field = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1];
  return { realm: field('realm') ?? '', service: field('service') ?? '', scope: field('scope') };
}

/** Follows as Go's client does: the token stays behind when the host changes. */
async function follow(session: Session, reply: Reply, authorization: Record<string, string>): Promise<Reply> {
  let current = reply;
  let at = session.base;
  for (let hop = 0; hop < 10 && [301, 302, 303, 307, 308].includes(current.status); hop++) {
    const next = new URL(required(current, 'location'), at);
    const headers = next.host === new URL(session.base).host ? authorization : {};
    at = next.href;
    current = await ask(at, { headers });
  }
  return current;
}

interface Described {
  digest: string;
}

/** The Location of an answer; one that does not lead back to the proxy fails a client that can reach nothing else. */
function ownLocation(base: string, reply: Reply): string {
  const location = new URL(required(reply, 'location'), base);
  if (location.origin !== new URL(base).origin) throw new Error(`the upload leads away, to ${location.origin}`);
  return location.href;
}

function withNs({ ns }: Session, url: string): string {
  return ns ? `${url}?ns=${ns}` : url;
}

function required(reply: Reply, name: string): string {
  const value = reply.header(name);
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}

function expectStatus(reply: Reply, status: number): void {
  if (reply.status !== status) throw new Error(`expected ${status}, got ${reply.status}: ${reply.text.slice(0, 300)}`);
}
