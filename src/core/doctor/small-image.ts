import { completeName } from '../reference';
import { registryName } from '../registries';
import { hostOf, type Url } from '../url';

/** Small public images that have been there for years, by registry. */
const IMAGES: Readonly<Record<string, string>> = {
  'docker.io': 'library/hello-world:latest',
  'gcr.io': 'distroless/static:latest',
  'ghcr.io': 'containerd/busybox:1.36',
  'mcr.microsoft.com': 'mcr/hello-world:latest',
  'public.ecr.aws': 'docker/library/hello-world:latest',
  'quay.io': 'prometheus/busybox:latest',
  'registry.k8s.io': 'pause:3.10',
};

/**
 * An image to try a registry with; undefined where none is known.
 * @param page what `/` says: an instance of ours lists there what it serves, its default first
 */
export function smallImageFor(target: Url, page: string): string | undefined {
  const [, served] = /^registry-proxy-serverless:.*\n\n {2}(\S+)/.exec(page) ?? [];
  const name = served ?? registryName(hostOf(target));
  return Object.hasOwn(IMAGES, name) ? IMAGES[name] : undefined;
}

/** As the registry itself at this address has it. */
export function completeFor(repository: string, target: Url): string {
  return completeName(repository, registryName(hostOf(target)));
}
