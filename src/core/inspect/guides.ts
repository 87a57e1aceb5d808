import { bareAddress, type GuidePlace } from './guide-address';
import {
  buildkitdToml,
  configToml,
  daemonJson,
  hostsToml,
  plainConf,
  registriesConf,
  registriesYaml,
  serverOf,
} from './guide-files';
import { type GuideImage, type GuideScene, sceneOf } from './guide-names';

/** What somebody does so that a client pulls through us. Words in capitals stand for what they put there themselves. */
export interface Guide {
  /** `docker-mirror`: as a mirror of Docker Hub, so that names of images stay as they are. */
  readonly client: 'docker' | 'docker-mirror' | 'containerd' | 'podman' | 'skopeo' | 'crio' | 'k3s' | 'buildkit';
  readonly steps: readonly GuideStep[];
}

export interface GuideStep {
  readonly kind: 'command' | 'file';
  /** Of the file. */
  readonly path?: string;
  readonly text: string;
}

/**
 * Commands and configuration files, as docs/clients.md has them, with the host by which clients know us.
 * @param image for which they are; where it is absent, for what there is
 * @returns no client twice, and none that cannot be used with it; empty where the image's registry is not served
 */
export function guidesFor(image: GuideImage | undefined, place: GuidePlace): readonly Guide[] {
  const scene = sceneOf(image, place);
  if (!scene) return [];
  const guides: readonly Guide[] = [
    { client: 'docker', steps: dockerSteps(scene) },
    { client: 'docker-mirror', steps: dockerMirrorSteps(scene) },
    { client: 'containerd', steps: containerdSteps(scene) },
    { client: 'podman', steps: podmanSteps(scene) },
    { client: 'skopeo', steps: skopeoSteps(scene) },
    { client: 'crio', steps: crioSteps(scene) },
    { client: 'k3s', steps: k3sSteps(scene) },
    { client: 'buildkit', steps: buildkitSteps(scene) },
  ];
  return guides.filter(({ steps }) => steps.length > 0);
}

const DAEMON_JSON = '/etc/docker/daemon.json';
const CERTS = '/etc/containerd/certs.d';
const DROP_IN = '/etc/containers/registries.conf.d/registry-proxy.conf';

function command(text: string): GuideStep {
  return { kind: 'command', text };
}

function file(path: string, text: string): GuideStep {
  return { kind: 'file', path, text };
}

function dockerSteps({ address, images }: GuideScene): readonly GuideStep[] {
  const { host, isPlain, asksForLogin } = address;
  const pulls = images.flatMap(({ own }) => (own === undefined ? [] : [command(`docker pull ${own}`)]));
  if (pulls.length === 0) return [];
  return [
    ...(isPlain
      ? [file(DAEMON_JSON, daemonJson('insecure-registries', host)), command('systemctl restart docker')]
      : []),
    ...(asksForLogin ? [command(`docker login ${host}`)] : []),
    ...pulls,
  ];
}

/** docker sends a mirror no login, so there is none where one is asked for. */
function dockerMirrorSteps({ address, images, mirrorsDocker }: GuideScene): readonly GuideStep[] {
  const { full } = images.find((each) => each.full?.startsWith('docker.io/')) ?? {};
  if (!mirrorsDocker || full === undefined || address.asksForLogin) return [];
  return [
    file(DAEMON_JSON, daemonJson('registry-mirrors', address.url)),
    command('systemctl restart docker'),
    command(`docker pull ${full.replace(/^docker\.io\/(library\/(?!.*\/))?/, '')}`),
  ];
}

function containerdSteps({ address, images: [image], mirrored }: GuideScene): readonly GuideStep[] {
  const { host, isPlain, asksForLogin } = address;
  const { own, full } = image;
  const flags = `${isPlain ? '--plain-http ' : ''}${asksForLogin ? '--user USER ' : ''}`;
  const direct = own === undefined ? [] : [command(`ctr images pull ${flags}${own}`)];
  if (full !== undefined) {
    const files = mirrored.map(({ registry }) =>
      file(`${CERTS}/${registry}/hosts.toml`, hostsToml(serverOf(registry), address)),
    );
    const pulls = [`crictl pull ${full}`, `nerdctl pull ${full}`, `ctr images pull --hosts-dir ${CERTS} ${full}`];
    return [file('/etc/containerd/config.toml', configToml()), ...files, ...pulls.map(command), ...direct];
  }
  if (own === undefined) return [];
  const bare = bareAddress(address);
  const hosts = file(`${CERTS}/${host}/hosts.toml`, hostsToml(bare.url, bare));
  const plain = [file('/etc/containerd/config.toml', configToml()), hosts];
  const crictl = command(`crictl pull ${asksForLogin ? '--creds USER:PASSWORD ' : ''}${own}`);
  return [...(isPlain ? plain : []), crictl, command(`nerdctl pull ${own}`), ...direct];
}

function podmanSteps(scene: GuideScene): readonly GuideStep[] {
  const { address, images } = scene;
  const { own, full } = images[0];
  const conf = mirrorConf(scene);
  const flag = address.isPlain ? '--tls-verify=false ' : '';
  const login = address.asksForLogin ? [command(`podman login ${flag}${address.host}`)] : [];
  const mirror =
    conf === undefined || full === undefined
      ? []
      : [file(DROP_IN, conf), ...login, command(`podman pull ${full}`), command(`buildah pull ${full}`)];
  const direct = own === undefined ? [] : [command(`podman pull ${flag}${own}`), command(`buildah pull ${flag}${own}`)];
  return [...(mirror.length > 0 ? mirror : login), ...direct];
}

function skopeoSteps({ address, images: [{ own, repository }] }: GuideScene): readonly GuideStep[] {
  if (own === undefined) return [];
  const { host, isPlain, asksForLogin } = address;
  const folder = repository.split('/').at(-1);
  return [
    ...(asksForLogin ? [command(`skopeo login ${isPlain ? '--tls-verify=false ' : ''}${host}`)] : []),
    command(`skopeo copy --all ${isPlain ? '--src-tls-verify=false ' : ''}docker://${own} dir:${folder}`),
  ];
}

function crioSteps(scene: GuideScene): readonly GuideStep[] {
  const { address, images } = scene;
  const { own, full } = images[0];
  const restart = command('systemctl restart crio');
  const conf = address.asksForLogin ? undefined : mirrorConf(scene);
  if (conf !== undefined && full !== undefined) return [file(DROP_IN, conf), restart, command(`crictl pull ${full}`)];
  if (own === undefined) return [];
  const plain = address.isPlain ? [file(DROP_IN, plainConf(address)), restart] : [];
  return [...plain, command(`crictl pull ${address.asksForLogin ? '--creds USER:PASSWORD ' : ''}${own}`)];
}

function mirrorConf({ mirrored, address }: GuideScene): string | undefined {
  return registriesConf(mirrored, address) || undefined;
}

function k3sSteps({ address, images: [{ own, full }], mirrored }: GuideScene): readonly GuideStep[] {
  const names = mirrored.map(({ registry }) => registry);
  const isNeeded = names.length > 0 || address.isPlain || address.asksForLogin;
  const image = full ?? own;
  if (image === undefined) return [];
  const { host, asksForLogin } = address;
  const yaml =
    names.length > 0
      ? registriesYaml(names, address)
      : registriesYaml([host], { ...bareAddress(address), asksForLogin });
  const files = isNeeded ? [file('/etc/rancher/k3s/registries.yaml', yaml), command('systemctl restart k3s')] : [];
  return [...files, command(`k3s crictl pull ${image}`)];
}

function buildkitSteps({ address, mirrored }: GuideScene): readonly GuideStep[] {
  const path = '/etc/buildkit/buildkitd.toml';
  const text = buildkitdToml(mirrored, address);
  if (text === '') return [];
  const login = address.asksForLogin ? [command(`docker login ${address.host}`)] : [];
  return [...login, file(path, text), command(`docker buildx create --use --config ${path}`)];
}
