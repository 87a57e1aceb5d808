import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Content } from '../upstream/image';
import type { RealImage, RealIndex } from './images';

/**
 * The folder a docker-registry keeps its content in. Images are put into it before anybody asks, and what clients
 * pushed is read out of it, so that neither depends on what is being tested.
 */
export interface Storage {
  root: string;
  putImage(repository: string, tag: string, image: RealImage): void;
  putIndex(repository: string, tag: string, index: RealIndex): void;
  tag(repository: string, tag: string, digest: string): void;
  /** Digest a tag points at; undefined where there is none. */
  tagged(repository: string, tag: string): string | undefined;
  tags(repository: string): string[];
  manifest(digest: string): Manifest;
  /** Everything under a tag is there and is what its digest says; the digests of all of it. */
  verify(repository: string, tag: string): string[];
}

export interface Manifest {
  mediaType?: string;
  config?: { digest: string; mediaType: string };
  layers?: { digest: string; size: number; mediaType: string }[];
  manifests?: { digest: string }[];
  subject?: { digest: string };
  artifactType?: string;
  annotations?: Record<string, string>;
}

export function storageAt(root: string): Storage {
  const base = join(root, 'docker/registry/v2');
  const hex = (digest: string) => digest.replace('sha256:', '');
  const blobPath = (digest: string) => join(base, 'blobs/sha256', hex(digest).slice(0, 2), hex(digest), 'data');
  const repositoryPath = (repository: string, ...rest: string[]) => join(base, 'repositories', repository, ...rest);
  const linkTo = (digest: string, path: string) => put(join(path, 'link'), digest);

  function putBlob({ digest, bytes }: Content): void {
    if (!existsSync(blobPath(digest))) put(blobPath(digest), bytes);
  }

  function putManifest(repository: string, content: Content): void {
    putBlob(content);
    linkTo(content.digest, repositoryPath(repository, '_manifests/revisions/sha256', hex(content.digest)));
  }

  function putContents(repository: string, image: RealImage): void {
    for (const content of [image.config, ...image.layers]) {
      putBlob(content);
      linkTo(content.digest, repositoryPath(repository, '_layers/sha256', hex(content.digest)));
    }
    putManifest(repository, image.manifest);
  }

  const storage: Storage = {
    root,
    putImage(repository, tag, image) {
      putContents(repository, image);
      storage.tag(repository, tag, image.manifest.digest);
    },
    putIndex(repository, tag, { index, images }) {
      for (const image of images) putContents(repository, image);
      putManifest(repository, index);
      storage.tag(repository, tag, index.digest);
    },
    tag(repository, tag, digest) {
      const path = repositoryPath(repository, '_manifests/tags', tag);
      linkTo(digest, join(path, 'current'));
      linkTo(digest, join(path, 'index/sha256', hex(digest)));
    },
    tagged(repository, tag) {
      const path = repositoryPath(repository, '_manifests/tags', tag, 'current/link');
      return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    },
    tags(repository) {
      const path = repositoryPath(repository, '_manifests/tags');
      return existsSync(path) ? readdirSync(path) : [];
    },
    manifest: (digest) => JSON.parse(readFileSync(blobPath(digest), 'utf8')),
    verify(repository, tag) {
      const found = storage.tagged(repository, tag);
      if (!found) throw new Error(`${repository} has no tag ${tag}; it has: ${storage.tags(repository).join(' ')}`);
      const verified: string[] = [];
      const queue = [found];
      const manifests = new Set(queue);
      for (let digest = queue.shift(); digest; digest = queue.shift()) {
        const bytes = readFileSync(blobPath(digest));
        const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
        if (actual !== digest) throw new Error(`${repository}:${tag} holds ${actual} under ${digest}`);
        verified.push(digest);
        if (!manifests.has(digest)) continue;
        const { config, layers = [], manifests: children = [] } = JSON.parse(bytes.toString('utf8')) as Manifest;
        for (const child of children) manifests.add(child.digest);
        queue.push(...[config, ...layers, ...children].flatMap((entry) => (entry ? [entry.digest] : [])));
      }
      return verified;
    },
  };
  return storage;
}

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
