import type { StorePlace } from '../core/cache-config';
import { type Config, readConfig } from '../core/config';
import { givenSettings, type Sources } from '../core/given';
import type { Setting } from '../core/setting';
import { mask } from '../core/setting-readers';
import { type SettingName, settings } from '../core/settings';
import { hrefOf } from '../core/url';

/** Defaults that follow from other settings, as they would be written. */
const derived: Partial<Record<SettingName, (config: Config) => string>> = {
  REGISTRY_NAME: ({ upstreams }) => upstreams[0].name,
  DEFAULT_BACKEND_HOST: ({ backendHost }) => hrefOf(backendHost),
  ALLOW_PRIVATE_ADDRESSES: ({ upstreams }) => String(upstreams[0].reach === 'any'),
  CACHE: ({ cache }) => describePlace(cache?.place),
  CACHE_MAX_SIZE: ({ cache }) => (cache?.place.kind === 'memory' ? String(cache.place.maxBytes) : ''),
  TRUST_PROXY: ({ trustProxy }) => (trustProxy.peers === 'all' ? 'true' : 'loopback,linklocal,private'),
};

/**
 * What `--print-config` prints: every setting as it holds, and who says so; at the end what was set in vain.
 * @throws ConfigError with every fault
 */
export function resolvedSettings(sources: Sources, table: readonly Setting[] = settings): string {
  const config = readConfig(sources.env, sources.argv, sources.file, sources.files);
  const given = givenSettings(sources, []);
  const rows = table.map(({ name, fallback, secret }) => {
    const [first] = given[name as SettingName] ?? [];
    const value = first?.text ?? (fallback || (derived[name as SettingName]?.(config) ?? ''));
    const from = first ? `${first.from} ${first.as}` : 'default';
    return { line: `${name}=${secret && value !== '' ? '***' : mask(value)}`, from };
  });
  const width = Math.max(...rows.map(({ line }) => line.length)) + 2;
  const notes = config.notes.map((note) => `# ${note}\n`);
  return [...rows.map(({ line, from }) => `${line.padEnd(width)}# ${from}\n`), ...notes].join('');
}

function describePlace(place: StorePlace | undefined): string {
  return place?.kind === 'disk' ? `disk:${place.folder}` : (place?.kind ?? 'none');
}
