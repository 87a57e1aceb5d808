import type { Setting } from '../../src/core/settings';

const kinds: Record<Setting['kind'], string> = {
  'address-list': 'list of addresses',
  boolean: '`true` or `false`',
  choice: 'choice',
  duration: 'duration',
  host: 'address or host name',
  name: 'name',
  origin: 'URL without path',
  'origin-or-host': 'URL without path, or host name',
  path: 'path of a file',
  port: 'port',
  presence: 'any value',
  registries: 'list of names, or `name=URL`',
  repository: 'repository path',
  secret: 'text',
  'url-or-host': 'URL or host name',
};

/** docs/configuration.md, as the table of settings says it. */
export function renderConfiguration(settings: readonly Setting[]): string {
  return `# Configuration

<!-- Written by \`yarn docs\` from src/core/settings.ts: edit that file. -->

Settings are environment variables; a file \`.env\` in the working directory may hold them too, and the environment wins.
An empty value counts as not set. A duration is a number with \`ms\`, \`s\`, \`m\` or \`h\`, or seconds without a unit.
Whatever is wrong is listed at the start, all at once, and the proxy exits with code 1.

| Variable | Value | Default | Meaning |
| --- | --- | --- | --- |
${settings.map(renderRow).join('\n')}
`;
}

function renderRow({ name, kind, fallback, choices, help }: Setting): string {
  const value = choices ? choices.map((choice) => `\`${choice}\``).join(', ') : kinds[kind];
  const cells = [`\`${name}\``, value, fallback === '' ? '' : `\`${fallback}\``, help];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
