import type { Config } from '../config';
import { isOpenToAll } from '../gate';
import { unlock } from '../secret-path';
import type { Origin } from '../setting-values';
import { hostOf } from '../url';

/** Stands for `ACCESS_SECRET`, which is never shown. */
export const SECRET = 'SECRET';

/** Where clients find an instance. */
export interface GuidePlace {
  readonly config: Config;
  /** By which clients know us. */
  readonly origin: Origin;
  /** Whether whoever reads may know which registries there are; where it is absent: where there is no gate. */
  readonly showsRegistries?: boolean;
}

/** The same in the terms of their files and commands. */
export interface Address {
  /** `r.example.com:3000`. */
  readonly host: string;
  /** What stands before an image's name: the host, and behind it the place of the secret, where one is needed. */
  readonly mount: string;
  /** `https://r.example.com`, and likewise. */
  readonly url: string;
  readonly isPlain: boolean;
  /** Nobody pulls without a login. */
  readonly asksForLogin: boolean;
}

export function addressOf({ config, origin }: GuidePlace): Address {
  const { gate } = config;
  const secret = gate && isOpenToAll(gate) ? undefined : gate?.secret;
  // Whoever came with the secret in the host's name is not to find it on a page.
  const isInHost = unlock('/', origin.hostname, gate?.secret).isGuest;
  const hostname = isInHost ? origin.hostname.replace(/^[^.]+/, SECRET) : origin.hostname;
  const host = hostOf({ ...origin, hostname });
  const mount = secret !== undefined && !isInHost ? `${host}/${SECRET}` : host;
  return {
    host,
    mount,
    url: `${origin.scheme}://${mount}`,
    isPlain: origin.scheme === 'http',
    asksForLogin: gate !== undefined && gate.secret === undefined && !isOpenToAll(gate),
  };
}

/** The host alone: for what is said of it as a registry of its own, whose images' names hold the secret. */
export function bareAddress(address: Address): Address {
  const { host, url, mount } = address;
  return { ...address, mount: host, url: url.slice(0, url.length - (mount.length - host.length)), asksForLogin: false };
}
