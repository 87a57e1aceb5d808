import type { CacheConfig } from '../core/cache-config';
import type { Config } from '../core/config';
import { createApp } from './app';
import { CommandError } from './commands';
import { Contexts, createContext } from './contexts';
import { Guard } from './guard';
import { openInside } from './inside';
import type { Log } from './log';
import type { ProxyAddress } from './proxy-client';

export interface InsideProxy {
  readonly address: ProxyAddress;
  close(): void;
}

/**
 * The proxy of a configuration, for this process alone: it listens nowhere. Whoever may start it reads its logins and its
 * store, so nobody is asked for a login, and limits on clients are none; which images there are is as configured.
 * @throws CommandError where what is pulled would be kept nowhere, or only as long as this process lives
 */
export async function openConfigured(
  config: Config & { readonly cache?: CacheConfig },
  log: Log,
): Promise<InsideProxy> {
  const kind = config.cache?.place.kind;
  if (kind === undefined)
    throw new CommandError('there is no cache to fill: set CACHE, or name a running proxy by --url');
  if (kind === 'memory') {
    throw new CommandError(
      'CACHE=memory is the memory of the process that serves: name a running proxy by --url, or set CACHE to disk or s3',
    );
  }
  const { gate: _gate, publicUrl: _publicUrl, guards, ...rest } = config;
  const { allowImages, denyImages } = guards;
  const context = await createContext({ ...rest, guards: { allowImages, denyImages } }, new Guard(), log);
  const contexts = new Contexts(context);
  return {
    address: {
      url: { scheme: 'http', hostname: 'localhost', port: 80, path: '', query: '' },
      connect: openInside(createApp(contexts), { remoteAddress: '127.0.0.1', encrypted: false }),
    },
    close: () => contexts.close(),
  };
}
