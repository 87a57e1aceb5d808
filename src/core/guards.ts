import type { Config } from './config';
import { isOfRegistry, PATTERN_FORM, type Pattern, parsePattern } from './patterns';
import type { Rate } from './rate-limit';
import { isWildcard, matchesWildcard } from './registries-setting';
import type { AccessRule } from './rights';
import { mask, type SettingReader } from './setting-readers';

/** Who may come, what for, how often and how many at once. Whatever is absent is open. */
export interface Guards {
  readonly allowImages?: readonly Pattern[];
  readonly denyImages?: readonly Pattern[];
  /** Words that `isNamed` reads. */
  readonly allowClients?: readonly string[];
  readonly rate?: Rate;
  /** Of one client at once. */
  readonly maxTransfers?: number;
}

export function readGuards(read: SettingReader, faults: string[]): Guards {
  return {
    allowImages: readPatterns('ALLOW_IMAGES', read, faults),
    denyImages: readPatterns('DENY_IMAGES', read, faults),
    allowClients: read('ALLOW_CLIENTS'),
    rate: read('RATE_LIMIT'),
    maxTransfers: read('MAX_TRANSFERS'),
  };
}

function readPatterns(name: 'ALLOW_IMAGES' | 'DENY_IMAGES', read: SettingReader, faults: string[]) {
  return read(name)?.flatMap((text) => {
    const pattern = parsePattern(text);
    if (!pattern) faults.push(`${name}=${mask(text)}: expected ${PATTERN_FORM}`);
    return pattern ?? [];
  });
}

export function readAccess(read: SettingReader, faults: string[]): readonly AccessRule[] | undefined {
  const access = read('ACCESS');
  faults.push(...(access?.faults ?? []).map(({ rule, why }) => `ACCESS=${mask(rule)}: ${why}`));
  return access?.rules;
}

/** What looks like a guard, and with the rest of the configuration would be none. */
export function guardFaults(config: Config): string[] {
  return [...addressFaults(config), ...registryFaults(config)];
}

function addressFaults({ guards, budgets, trustProxy, capabilities }: Config): string[] {
  const names = [
    ...(guards.allowClients ? ['ALLOW_CLIENTS'] : []),
    ...(guards.rate ? ['RATE_LIMIT'] : []),
    ...(guards.maxTransfers ? ['MAX_TRANSFERS'] : []),
    ...(budgets?.client?.bytes ? ['BUDGET_CLIENT_BYTES'] : []),
    ...(budgets?.client?.requests ? ['BUDGET_CLIENT_REQUESTS'] : []),
  ].join(', ');
  if (names === '') return [];
  if (trustProxy.explicit && trustProxy.peers === 'all') {
    return [`${names}: with TRUST_PROXY=true clients may claim any address; set it to the addresses of the proxies`];
  }
  if (!capabilities?.gatewayIsPeer || (trustProxy.explicit && trustProxy.peers.length > 0)) return [];
  return [
    `${names}: every request comes from the platform's gateway; set TRUST_PROXY to its addresses, for example loopback,linklocal,private,100.64.0.0/10`,
  ];
}

/** A misspelt registry would let through what should be refused, and nobody would notice. */
function registryFaults({ guards, upstreams }: Config): string[] {
  const names = upstreams.map(({ name }) => name);
  const idle = (guards.denyImages ?? []).filter(
    (pattern) => !names.some((name) => mayBeMeant(pattern, name, names[0])),
  );
  return idle.map(
    ({ text }) => `DENY_IMAGES=${mask(text)}: no registry of this proxy is meant, only ${names.join(', ')} are served`,
  );
}

/** A wildcard among the registries stands for hosts that nobody knows yet. */
function mayBeMeant(pattern: Pattern, name: string, defaultName: string): boolean {
  const { registry = defaultName } = pattern;
  if (isWildcard(name) && (isWildcard(registry) || matchesWildcard(registry, name))) return true;
  return isOfRegistry(pattern, name, defaultName);
}
