import type { Admin } from './admin';
import type { Upstream } from './config';
import type { HeaderList } from './headers';
import type { Reading } from './read-upstreams';
import type { Url } from './url';

/** What visitors see of the service, and what its operator does. Whatever is absent is not there. */
export interface Sight {
  readonly landingPage?: LandingPage;
  /** Below which there is `/v1/search`; no trailing slash. */
  readonly search?: Url;
  readonly metrics?: MetricsAccess;
  readonly tracing?: Tracing;
}

export interface LandingPage {
  /** Of the cache, and of quotas. */
  readonly showsState: boolean;
}

export interface MetricsAccess {
  readonly isPublic: boolean;
  /** Whoever shows one of them may read. */
  readonly tokens: readonly string[];
}

/** Where traces go. */
export interface Tracing {
  /** Of the collector, without `/v1/traces`; no trailing slash. */
  readonly url: Url;
  readonly headers: HeaderList;
  /** What the service is called. */
  readonly service: string;
  /** Of requests without a decision of their caller's, from 0 to 1. */
  readonly ratio: number;
}

/** @param hasPages browsers are not sent to a registry's own pages */
export function readSight(
  reading: Reading,
  upstreams: readonly Upstream[],
  admin: Admin | undefined,
  hasPages: boolean,
): Sight {
  const { read } = reading;
  const showsState = read('LANDING_PAGE_STATE') === true;
  const search = readSearch(reading, upstreams);
  const metrics = readMetrics(reading, admin);
  const tracing = readTracing(reading);
  return {
    ...(hasPages && !read('DISABLE_LANDING_PAGE') && { landingPage: { showsState } }),
    ...(search && { search }),
    ...(metrics && { metrics }),
    ...(tracing && { tracing }),
  };
}

/** Its registry, and its search, which has a host of its own. */
const HUB = 'registry-1.docker.io';
const HUB_SEARCH: Url = { scheme: 'https', hostname: 'index.docker.io', port: 443, path: '', query: '' };

function readSearch({ read }: Reading, upstreams: readonly Upstream[]): Url | undefined {
  const choice = read('SEARCH_BACKEND');
  if (choice === 'none' || choice === undefined) return undefined;
  if (choice !== 'auto') return choice;
  return upstreams.some(({ url }) => url.hostname === HUB) ? HUB_SEARCH : undefined;
}

function readMetrics({ read, capabilities, faults, notes }: Reading, admin: Admin | undefined) {
  const access = read('METRICS');
  const token = read('METRICS_TOKEN');
  const tokens = [token, admin?.token].filter((each) => each !== undefined);
  const isPublic = access === 'public';
  if (access === 'off' || (!isPublic && tokens.length === 0)) return undefined;
  if (isPublic && token !== undefined) {
    faults.push('METRICS=public: everybody may read, so METRICS_TOKEN guards nothing; leave one of them out');
  }
  if (capabilities?.keepsCounts !== false) return { isPublic, tokens };
  if (isPublic || token !== undefined)
    notes.push('METRICS: this platform has no process whose requests could be counted');
  return undefined;
}

function readTracing({ read, notes }: Reading): Tracing | undefined {
  const url = read('OTEL_EXPORTER_OTLP_ENDPOINT');
  const headers = read('OTEL_EXPORTER_OTLP_HEADERS');
  const service = read('OTEL_SERVICE_NAME') as string;
  const ratio = read('OTEL_TRACES_SAMPLER_ARG') as number;
  if (!url) {
    if (headers) notes.push('OTEL_EXPORTER_OTLP_HEADERS is not used: OTEL_EXPORTER_OTLP_ENDPOINT names no collector');
    return undefined;
  }
  return { url, headers: headers ?? [], service, ratio };
}
