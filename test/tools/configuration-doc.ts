import type { Setting } from '../../src/core/setting';

const kinds: Record<Setting['kind'], string> = {
  'access-secret': 'word',
  htpasswd: 'list of `user:hash`',
  access: 'rules',
  accounts: 'list of `user:token`',
  'address-list': 'list of addresses',
  addresses: 'list of addresses',
  boolean: '`true` or `false`',
  cache: '`none`, `memory`, `disk:/folder`, `s3://…`',
  choice: 'choice',
  connections: 'number',
  count: 'number',
  deliveries: 'a list',
  duration: 'duration',
  fields: 'list of `name=value`',
  folder: 'path of a folder',
  host: 'address or host name',
  images: 'list of patterns',
  label: 'text',
  name: 'name',
  origin: 'URL without path',
  'origin-or-host': 'URL without path, or host name',
  path: 'path of a file',
  period: 'duration, also in days',
  'period-or-off': '`off`, or duration, also in days',
  port: 'port',
  presence: 'any value',
  rate: 'rate',
  ratio: 'number from 0 to 1',
  registries: 'list of names, `name=URL`; JSON; path of a JSON or YAML file',
  repository: 'repository path',
  search: '`auto`, `none`, URL or host name',
  secret: 'text',
  size: 'bytes',
  token: 'text',
  'tag-lifetimes': 'duration, or list of `pattern=duration`',
  'url-or-host': 'URL or host name',
};

/** docs/configuration.md, as the table of settings says it. */
export function renderConfiguration(settings: readonly Setting[]): string {
  return `# Configuration

<!-- Written by \`yarn docs\` from src/core/settings.ts: edit that file. -->

Settings are environment variables; a file \`.env\` in the working directory may hold them too, and the environment wins.
Last comes the file that \`CONFIG_FILE\` names. Each setting is a flag as well, which wins over all: \`REGISTRY_BACKEND\` is
\`--registry-backend\` or \`-registryBackend\`, with one dash or two, its value behind \`=\` or a space. \`--handle-redirect\` alone
means \`true\`, \`--no-handle-redirect\` means \`false\`.
Whatever stands on a command line can be read by every user of the machine: keep secrets to the environment.
An empty value counts as not set. A duration is a number with \`ms\`, \`s\`, \`m\` or \`h\`, several of them (\`1m30s\`), or seconds
without a unit; where it says so, \`d\` and \`w\` are days and weeks.
Whatever is wrong is listed at the start, all at once, and the proxy exits with code 1.

| Variable | Value | Default | Meaning |
| --- | --- | --- | --- |
${settings.map(renderRow).join('\n')}

## Other names

Names that other programs use are read just the same, as variables and as flags. Two names of one setting with different
values are a fault, unless one is a flag and the other is not, or one is in the environment and the other in \`.env\`.

| Name | Setting |
| --- | --- |
${renderAliases(settings).join('\n')}
| \`-registeryHost\` | \`REGISTRY_BACKEND\`, flag only |
| \`--config\`, \`serve\` | \`CONFIG_FILE\`, command line only |

\`REGISTRY_HTTP_ADDR\` is \`:5000\`, \`0.0.0.0:5000\` or \`[::]:5000\`; the first says nothing about \`HOST\`.

## Commands

| Flag | What it does |
| --- | --- |
| \`--help\`, \`-h\` | lists every setting |
| \`--version\` | prints the version of the proxy and of Node.js |
| \`--print-config\` | prints every setting as it holds and where it comes from, without secrets; lists what is wrong, and exits with code 1, instead of that |
`;
}

function renderAliases(settings: readonly Setting[]): string[] {
  const aliases = new Set(settings.flatMap(({ aliases = [] }) => aliases));
  return [...aliases].map((alias) => {
    const meant = settings.filter((setting) => setting.aliases?.includes(alias)).map(({ name }) => `\`${name}\``);
    return `| \`${alias}\` | ${meant.join(' and ')} |`;
  });
}

function renderRow({ name, kind, fallback, choices, help }: Setting): string {
  const value = choices ? choices.map((choice) => `\`${choice}\``).join(', ') : kinds[kind];
  const cells = [`\`${name}\``, value, fallback === '' ? '' : `\`${fallback}\``, help];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
