import type { Config } from '../core/config';
import type { Log } from '../shell/log';
import { CommandError, type OpenInnerServer } from './commands';
import { openInside } from './inside';
import type { ProxyAddress } from './proxy-client';

export interface WarmedProxy {
  readonly address: ProxyAddress;
  /** May be called again. */
  close(): Promise<void>;
}

/**
 * The proxy of a configuration, for this process alone: it listens nowhere. Whoever may start it reads its logins and its
 * store, so nobody is asked for a login, and limits on clients are none; which images there are is as configured.
 * @throws CommandError where what is pulled would be kept nowhere, or only as long as this process lives
 */
export async function openConfigured(config: Config, open: OpenInnerServer, log: Log): Promise<WarmedProxy> {
  const kind = config.cache?.place.kind;
  if (kind === undefined) {
    throw new CommandError('there is no cache to fill: set CACHE, or name a running proxy by --url');
  }
  if (kind === 'memory') {
    throw new CommandError(
      'CACHE=memory is the memory of the process that serves: name a running proxy by --url, or set CACHE to disk or s3',
    );
  }
  const { gate: _gate, publicUrl: _publicUrl, guards, ...rest } = config;
  const { allowImages, denyImages } = guards;
  const { serve, close } = await open({ ...rest, guards: { allowImages, denyImages } }, log);
  let closing: Promise<void> | undefined;
  return {
    address: {
      url: { scheme: 'http', hostname: 'localhost', port: 80, path: '', query: '' },
      connect: openInside(serve, { remoteAddress: '127.0.0.1', encrypted: false, isOwn: true }),
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
