import { flagOf } from '../core/flags';
import type { Setting } from '../core/setting';

const WIDTH = 120;

/** What `--help` prints: every setting as a flag, with its default and the first sentence of what it means. */
export function usage(program: string, settings: readonly Setting[]): string {
  const flags = settings.map(({ name }) => flagOf(name));
  const column = (texts: string[]) => Math.max(...texts.map(({ length }) => length)) + 2;
  const [first, second] = [column(flags), column(settings.map(({ fallback }) => fallback))];
  const rows = settings.map((setting, index) => {
    const lines = wrap(meaning(setting), WIDTH - 2 - first - second);
    const margin = ' '.repeat(2 + first + second);
    return `  ${flags[index].padEnd(first)}${setting.fallback.padEnd(second)}${lines.join(`\n${margin}`)}`;
  });
  return `${program}

Usage: node bundle.js [serve [config.yml]] [--help | --version | --print-config] [flags]
       node bundle.js htpasswd USER [FILE]    makes a login for the proxy, --generate its password too: htpasswd --help
       node bundle.js cache ls|verify|prune   looks after what is kept: cache --help
       node bundle.js doctor [URL]            says what stands in the way of a pull: doctor --help
       node bundle.js warm [flags] IMAGE…     fills the cache with images: warm --help
       node bundle.js healthcheck             asks the proxy that runs here whether it is alive
       node bundle.js lambda [flags]          serves AWS Lambda: lambda --help

A flag wins over the environment variable of the same name (--registry-backend: REGISTRY_BACKEND), that one over a
file .env in the working directory, and that over the config.yml. One dash or two, --port 8080 or --port=8080,
--registry-backend or -registryBackend; --handle-redirect alone means true, --no-handle-redirect false.

  ${'Flag'.padEnd(first)}${'Default'.padEnd(second)}Meaning
${rows.join('\n')}

  --help, -h      this text
  --version       version of the program and of Node.js
  --print-config  every setting, and where it comes from
  --config        the same as --config-file

docs/configuration.md says more about each of them.
`;
}

function meaning({ help, choices, aliases }: Setting): string {
  const [sentence] = help.replaceAll('`', '').split(/(?<=\.)\s/);
  const among = choices ? [`${choices.join(', ')}.`] : [];
  const also = aliases ? [`Also ${aliases.map(flagOf).join(', ')}.`] : [];
  return [sentence, ...among, ...also].join(' ');
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = `${lines[lines.length - 1]} ${word}`.trim();
    if (line.length <= width) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}
