import { createHash } from 'node:crypto';
import type { ImageNames } from './caches';
import { read } from './reader';

/** Layers that containerd and docker fetch at once. */
const LANES = 3;

export const ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  '*/*',
].join(', ');

/**
 * Pulls as containerd does: HEAD of the tag, the manifest by its digest, the configuration, then the layers.
 * Resolves with seconds. Throws where anything is missing.
 * @param proves whether digests are checked; that costs the reader as much as all the rest
 */
export async function pullImage(url: string, image: ImageNames, proves = false): Promise<number> {
  const startedAt = performance.now();
  const base = `${url}/v2/bench/${image.name}`;
  const head = await fetch(`${base}/manifests/latest`, { method: 'HEAD', headers: { accept: ACCEPT } });
  if (head.headers.get('docker-content-digest') !== image.manifest) throw new Error(`HEAD by tag: ${head.status}`);
  const manifest = await fetch(`${base}/manifests/${image.manifest}`, { headers: { accept: ACCEPT } });
  if (manifest.status !== 200) throw new Error(`GET of the manifest: ${manifest.status}`);
  await manifest.arrayBuffer();
  const [config, ...layers] = image.blobs.map(({ digest }) => digest);
  if (config !== undefined) await pullBlob(base, config, proves);
  const lane = async () => {
    for (let digest = layers.shift(); digest !== undefined; digest = layers.shift()) {
      await pullBlob(base, digest, proves);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return (performance.now() - startedAt) / 1000;
}

async function pullBlob(base: string, digest: string, proves: boolean): Promise<void> {
  const hash = createHash('sha256');
  const onBody = proves ? (piece: Buffer) => void hash.update(piece) : undefined;
  const { complete, status, bytes } = await read(`${base}/blobs/${digest}`, { onBody }).done;
  if (!complete) throw new Error(`${digest} came incomplete: ${bytes} bytes, status ${status}`);
  if (proves && `sha256:${hash.digest('hex')}` !== digest) throw new Error(`${digest} came wrong`);
}
