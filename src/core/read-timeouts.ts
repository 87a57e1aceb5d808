import type { Timeouts } from './config';
import type { GivenSettings } from './given';
import type { SettingReader } from './setting-readers';

export function readTimeouts(read: SettingReader): Timeouts {
  return {
    connect: read('CONNECT_TIMEOUT') ?? 0,
    response: read('RESPONSE_TIMEOUT') ?? 0,
    retry: read('RETRY_TIMEOUT') ?? 0,
    stall: read('STALL_TIMEOUT') ?? 0,
    client: read('CLIENT_TIMEOUT') ?? 0,
    shutdown: read('SHUTDOWN_TIMEOUT') ?? 0,
  };
}

/** Without these limits a dead upstream would hold a pull for ever. */
export function idleFaults(given: GivenSettings, { connect, response, stall }: Timeouts): string[] {
  const limits = { CONNECT_TIMEOUT: connect, RESPONSE_TIMEOUT: response, STALL_TIMEOUT: stall };
  return Object.entries(limits)
    .flatMap(([name, limit]) => (limit === 0 ? (given[name as keyof typeof limits] ?? []) : []))
    .filter(({ text }) => /^0/.test(text))
    .map(({ as, text }) => `${as}=${text}: must be more than 0, or a dead upstream would hold a pull for ever`);
}
