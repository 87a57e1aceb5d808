import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { startDistribution } from './distribution';
import { freePort, type RunningServer, type Server, startSilentServer } from './processes';
import type { Runtime, Stage } from './stage';

/** A pull-through cache that can be started as often as it is to be empty. */
export interface Cache {
  readonly name: string;
  /** Of the proxy; empty for others. */
  readonly node: string;
  start(backend: string): Promise<RunningServer>;
}

/** The proxy with an empty folder on disk, which is gone when it is stopped. */
export function ownCache(
  stage: Pick<Stage, 'folder' | 'bundle'>,
  runtime: Runtime,
  env: Record<string, string> = {},
): Cache {
  return {
    name: 'proxy',
    node: runtime.version,
    async start(backend) {
      const folder = mkdtempSync(join(stage.folder, 'cache-'));
      const port = await freePort();
      const server = await startSilentServer({
        command: runtime.binary,
        args: [stage.bundle],
        env: {
          HOST: '127.0.0.1',
          PORT: String(port),
          LOG_LEVEL: 'error',
          REGISTRY_BACKEND: backend,
          HANDLE_REDIRECT: 'true',
          CACHE: `disk:${folder}`,
          // As deploy/aliyun/s.yaml has it, for Node.js 20.11.0.
          UV_USE_IO_URING: '0',
          ...env,
        },
        cwd: stage.folder,
        ping: `http://127.0.0.1:${port}/-/healthz`,
      });
      return {
        ...server,
        async stop() {
          await server.stop();
          rmSync(folder, { recursive: true });
        },
      };
    },
  };
}

/** distribution, where it is installed. */
export function peerCache(stage: Stage): Cache {
  return {
    name: 'distribution',
    node: '',
    async start(backend) {
      const server = await startDistribution(stage, backend);
      if (!server) throw new Error('docker-registry is not installed: there is nothing to compare with');
      return server;
    },
  };
}

export interface ImageNames {
  readonly name: string;
  /** Digest. */
  readonly manifest: string;
  /** The configuration, then the layers. */
  readonly blobs: readonly { readonly digest: string; readonly size: number }[];
}

export interface ImageRegistry extends Server {
  readonly backend: string;
  image(name: string): ImageNames;
  /** What was asked for and sent since the last call. */
  count(): Promise<Count>;
}

export interface Count {
  readonly requests: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly connections: number;
}

/** @param images bytes of each layer, by name */
export async function startImageRegistry(
  stage: Stage,
  images: Record<string, readonly number[]>,
  env: Record<string, string> = {},
): Promise<ImageRegistry> {
  const server = await stage.startPeer('image-registry', [], { IMAGES: JSON.stringify(images), ...env });
  const known = server.listening.images as ImageNames[];
  return Object.assign(server, {
    backend: server.url,
    image: (name: string) => known.find((each) => each.name === name) as ImageNames,
    count: async () => (await fetch(`${server.url}/-/count`)).json() as Promise<Count>,
  });
}

export function sizeOf({ blobs }: ImageNames): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}

/** Fails where the disk has not as many bytes to spare. */
export function demandSpace(stage: Stage, bytes: number): void {
  const { bavail, bsize } = statfsSync(stage.folder);
  if (bavail * bsize < bytes) throw new Error(`needs ${Math.ceil(bytes / 1e9)} GB of free disk at ${stage.folder}`);
}
