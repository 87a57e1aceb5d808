import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ask, ask, type Reply } from '../upstream/client';
import { parseChallenge } from '../upstream/docker';
import { sha256 } from '../upstream/image';
import type { Edge } from './edge';
import { type FunctionInstance, packageInto, startFunction } from './function';
import { type EdgeGateway, startEdge } from './gateway';
import { holdInstances, type Instances } from './instances';
import { startUpstreams, type Upstreams } from './upstreams';

export interface PackagedOptions {
  /** A script of package.json that has `--outdir`, and where it puts the code below that. */
  script: string;
  code?: string;
  command: readonly string[];
  env: Record<string, string>;
  /** It is called `HOST` by clients. */
  edge: Edge;
  concurrency: number;
}

export interface Packaged extends Upstreams {
  gateway: EdgeGateway;
  instances: Instances;
  /** Those that were started, in turn. */
  functions: FunctionInstance[];
  /** A request to /v2/…, as a client sends it. */
  toV2(path: string, options?: Ask): Promise<Reply>;
  /** What a client would reach by the public name; the name itself leads nowhere here. */
  at(url: string): string;
  token(actions: string, login?: string): Promise<{ authorization: string }>;
  /** Pulls the image whose blobs the registry's CDN has, following redirects as clients do. */
  pull(): Promise<Reply[]>;
}

export const REPOSITORY = 'team/app';

/** The program as it is packaged for a platform, behind what stands in for that platform's edge. */
export async function startPackaged(options: PackagedOptions): Promise<Packaged> {
  const work = mkdtempSync(join(tmpdir(), 'packaged-'));
  packageInto(options.script, work);
  const upstreams = await startUpstreams();
  const { edge } = options;
  const functions: FunctionInstance[] = [];
  const instances = holdInstances([], {
    concurrency: options.concurrency,
    freezes: true,
    async start() {
      const instance = await startFunction(join(work, options.code ?? ''), options.command, {
        ...options.env,
        REGISTRY_BACKEND: `http://${upstreams.wire.authority}`,
      });
      functions.push(instance);
      return instance;
    },
  });
  const gateway = await startEdge(edge, instances);
  const toV2 = (path: string, asked: Ask = {}) => ask(`${gateway.url}/v2/${path}`, asked);
  const at = (url: string) => {
    const origin = `https://${edge.host}`;
    if (!url.startsWith(`${origin}/`)) throw new Error(`${url} is not on ${origin}`);
    return gateway.url + url.slice(origin.length);
  };

  async function token(actions: string, login?: string): Promise<{ authorization: string }> {
    const ping = await toV2('');
    const { realm, service } = parseChallenge(ping.header('www-authenticate') ?? '');
    const query = new URLSearchParams({ service, scope: `repository:${REPOSITORY}:${actions}` });
    const headers = login ? { authorization: `Basic ${Buffer.from(login).toString('base64')}` } : {};
    const { token: granted } = (await ask(`${at(realm)}?${query}`, { headers })).json() as { token: string };
    return { authorization: `Bearer ${granted}` };
  }

  return {
    ...upstreams,
    gateway,
    instances,
    functions,
    toV2,
    at,
    token,
    async pull() {
      const headers = await token('pull');
      const { manifest, config, layers } = upstreams.image;
      const listed = await toV2(`${REPOSITORY}/manifests/v1`, { headers: { ...headers, accept: manifest.type } });
      expect(sha256(listed.body)).toBe(manifest.digest);
      const blobs: Reply[] = [];
      for (const { digest } of [config, ...layers]) {
        let blob = await toV2(`${REPOSITORY}/blobs/${digest}`, { headers });
        const first = blob;
        // Elsewhere nothing of the login goes.
        for (let hop = 0; hop < 10 && blob.status === 307; hop++) blob = await ask(String(blob.header('location')));
        expect([blob.status, blob.ending, sha256(blob.body)]).toEqual([200, 'clean', digest]);
        blobs.push(first);
      }
      return blobs;
    },
    async close() {
      await gateway.close();
      await Promise.all(functions.map((each) => each.stop()));
      await upstreams.close();
      rmSync(work, { recursive: true, force: true });
    },
  };
}
