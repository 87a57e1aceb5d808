import type { Address } from './guide-address';
import type { Mirrored } from './guide-names';

/** What may be looked up, and asked for content (containerd, docs/hosts.md, "capabilities"). */
const CAPABILITIES = '  capabilities = ["pull", "resolve"]';

/** Stands for a login as a Basic field has it. */
const LOGIN = 'BASE64-OF-USER:PASSWORD';

/** docker's daemon.json, with one setting. */
export function daemonJson(name: 'registry-mirrors' | 'insecure-registries', value: string): string {
  return `{ "${name}": ["${value}"] }\n`;
}

/** containerd's own file: where it finds those of registries. */
export function configToml(): string {
  return `# containerd 2.x (config version 3)
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d"

# containerd 1.x (config version 2)
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
`;
}

/**
 * containerd's file of a registry (docs/hosts.md).
 * @param server where the registry itself is, which is asked where the host fails
 */
export function hostsToml(server: string, { url, asksForLogin }: Address): string {
  const login = asksForLogin ? [`  [host."${url}".header]`, `    Authorization = "Basic ${LOGIN}"`] : [];
  return [`server = "${server}"`, '', `[host."${url}"]`, CAPABILITIES, ...login, ''].join('\n');
}

/** Where a registry is that has this name (containerd's DefaultHost). */
export function serverOf(registry: string): string {
  return `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`;
}

/** A file beside registries.conf of podman and its kin (containers-registries.conf(5)). */
export function registriesConf(mirrored: readonly Mirrored[], { isPlain }: Address): string {
  const flag = isPlain ? 'insecure = true\n' : '';
  const tables = mirrored.flatMap(({ registry, location }) =>
    location === undefined
      ? []
      : [
          `[[registry]]\nprefix = "${registry}"\nlocation = "${registry}"\n\n[[registry.mirror]]\nlocation = "${location}"\n${flag}`,
        ],
  );
  return tables.join('\n');
}

/** The same for images that are called by our host, which has no certificate. */
export function plainConf({ host }: Address): string {
  return `[[registry]]\nlocation = "${host}"\ninsecure = true\n`;
}

/** registries.yaml of k3s and RKE2; a path of the address' own is theirs to end with `/v2` (k3s, "normalizeEndpointAddress"). */
export function registriesYaml(names: readonly string[], { url, host, mount, asksForLogin }: Address): string {
  const endpoint = mount === host ? url : `${url}/v2`;
  const mirrors = names.map((name) => `  ${quoted(name)}:\n    endpoint:\n      - "${endpoint}"\n`);
  const configs = `configs:\n  "${host}":\n    auth:\n      username: USER\n      password: PASSWORD\n`;
  return `mirrors:\n${mirrors.join('')}${asksForLogin ? configs : ''}`;
}

/** A key of YAML that is no text as it stands, or looks like more than one. */
function quoted(name: string): string {
  return /^[a-z][a-z0-9.-]*$/i.test(name) ? name : `"${name}"`;
}

/** buildkitd.toml. */
export function buildkitdToml(mirrored: readonly Mirrored[], { host, mount, isPlain }: Address): string {
  const tables = mirrored.map(({ registry }) => `[registry."${registry}"]\n  mirrors = ["${mount}"]\n`);
  const plain = isPlain ? [`[registry."${host}"]\n  http = true\n`] : [];
  return [...tables, ...plain].join('\n');
}
