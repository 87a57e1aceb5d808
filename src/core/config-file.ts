import { distributionNotes, readDistributionConfig } from './distribution-config';
import type { Files } from './files';
import type { Given } from './given';
import { mask } from './setting-readers';

/** What somebody wrote, by one of the names of a setting. */
export type Named = Given & { readonly name: string };

export interface ConfigFilePlace {
  readonly files: Files;
  readonly isSettingName: (name: string) => boolean;
  /** Something else names the registry behind the proxy. */
  readonly isProxy: boolean;
}

/**
 * What the file says that `CONFIG_FILE` names.
 * @param faults gets what is wrong, under the name of the file
 * @param notes gets what was said in vain
 */
export function readConfigFile(
  source: Given,
  { files, isSettingName, isProxy }: ConfigFilePlace,
  faults: string[],
  notes: string[],
): Named[] {
  const path = mask(source.text);
  let content: unknown;
  try {
    content = files.document(source.text);
  } catch (error) {
    faults.push(`${source.as}=${path}: ${(error as Error).message}`);
    return [];
  }
  const found: string[] = [];
  const distribution = readDistributionConfig(content, isSettingName, found);
  const hasRemote = distribution.given.some(({ key }) => key === 'proxy.remoteurl');
  if (found.length === 0 && !hasRemote && !isProxy) {
    found.push(
      'proxy.remoteurl: is missing; this is a proxy and has no images of its own: name the registry behind it here, or in REGISTRY_BACKEND',
    );
  }
  faults.push(...found.map((fault) => `${path}: ${fault}`));
  notes.push(...distributionNotes(path, distribution));
  return distribution.given.map(({ key, name, text }) => {
    return { name, from: 'config.yml', as: key, file: path, written: text, text };
  });
}
