import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { settings } from '../../src/core/settings';
import { root } from '../tools/sources';

export const settingNames: ReadonlySet<string> = new Set(settings.map(({ name }) => name));
export const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
/** What every manifest calls the image that deploy/docker/Dockerfile makes. */
export const imageName = 'registry-proxy-serverless';

export const readDeploy = (path: string): string => readFileSync(join(root, 'deploy', path), 'utf8');

/** Every document of a YAML file. */
export function yamlOf<T>(path: string): T[] {
  return loadAll(readDeploy(path)) as T[];
}

/** Every YAML file below a folder of deploy/, as paths from there on. */
export function yamlFiles(folder: string): string[] {
  const all = readdirSync(join(root, 'deploy', folder), { recursive: true, encoding: 'utf8' });
  return all.filter((name) => /\.ya?ml$/.test(name)).map((name) => join(folder, name));
}

/** The documents of a platform, in English and in Chinese. */
export const languages = ['README.md', 'README.zh-CN.md'] as const;

/** Names of variables that a document mentions and that are neither settings nor among `others`. */
export function unknownNames(document: string, others: readonly string[] = []): string[] {
  const named = [...document.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)].map(([, name]) => String(name));
  return named.filter((name) => !settingNames.has(name) && !others.includes(name));
}

/** What two documents that say the same have in common: headings, fences, rows, points, steps. */
export function shapeOf(document: string) {
  const prose = document.replace(/^ *```[\s\S]*?^ *```$/gm, '');
  return {
    headings: [...prose.matchAll(/^(#+) /gm)].map(([, marks]) => String(marks).length),
    fences: [...document.matchAll(/^ *```(\w+)$/gm)].map(([, language]) => language),
    rows: document.match(/^\|/gm)?.length,
    points: prose.match(/^- /gm)?.length,
    steps: prose.match(/^\d+\. /gm)?.length,
  };
}

/** What stands in fences, which both languages must have alike but for comments. */
export function commandsOf(document: string): string[] {
  const fences = [...document.matchAll(/^ *```\w*\n([\s\S]*?)^ *```$/gm)].map(([, text]) => String(text));
  return fences.flatMap((text) =>
    text
      .split('\n')
      .map((line) => line.replace(/(^|\s+)#(?! syntax).*$/, '').trimEnd())
      .filter((line) => line !== ''),
  );
}
