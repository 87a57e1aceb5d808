import type { Identity } from '../core/admission';
import type { Config, Upstream } from '../core/config';
import { matchesWildcard } from '../core/registries-setting';
import type { Route } from '../core/route';
import { isTransfer } from '../core/transfers';
import type { Counts } from '../shell/counts';
import { Counter, Histogram, type Sample } from './metric-series';
import { METRICS } from './metric-table';
import type { Session } from './session';
import { UpstreamCounts, UpstreamWatch } from './upstream-watch';

/** Values by metric. */
export type Samples = Partial<Record<keyof typeof METRICS, readonly Sample[]>>;

/** What stands for a registry where there is none, and for a cache that was not asked. */
const NONE = 'none';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** nginx's status for a client that left before it got one. */
const CLIENT_CLOSED_REQUEST = 499;

const meters = new WeakMap<Counts, Meter>();

/** The one meter of a process, which outlives each of its configurations. */
export function meterOf(counts: Counts): Meter {
  const meter = meters.get(counts) ?? new Meter();
  meters.set(counts, meter);
  return meter;
}

/** Counts the requests of a process and what is asked of upstreams for them, where metrics are wanted. */
export class Meter {
  readonly #requests = new Counter(METRICS.requests);
  readonly #duration = new Histogram(METRICS.duration);
  readonly #head = new Histogram(METRICS.head);
  readonly #sent = new Counter(METRICS.sent);
  readonly #unfinished = new Counter(METRICS.unfinished);
  readonly #waited = new Counter(METRICS.waited);
  readonly #logins = new Counter(METRICS.logins);
  readonly #cache = new Counter(METRICS.cache);
  /** Requests under way, and the bytes of each that have been counted: a long transfer is counted while it goes on. */
  readonly #open = new Map<Session, number>();
  readonly #upstreamCounts = new UpstreamCounts();
  readonly #upstreams = new Map<string, UpstreamWatch>();

  constructor() {
    // A series that begins with its first event hides that event from `increase`.
    this.#waited.add(0);
    for (const door of ['user', 'busy']) this.#logins.add(0, door);
  }

  open(session: Session): void {
    this.#open.set(session, 0);
  }

  /** Its response is closed. */
  close(session: Session): void {
    const { context, exchange, head, record, res } = session;
    this.#countSent(session);
    this.#open.delete(session);
    const route = kindOf(session);
    const registry = registryOf(exchange.route, context.config);
    const method = METHODS.has(head.method) ? head.method : 'other';
    const status = res.headersSent ? res.statusCode : CLIENT_CLOSED_REQUEST;
    this.#requests.add(1, method, route, registry, String(status));
    this.#duration.observe(performance.now() - record.startedAt, route);
    if (record.head !== undefined) this.#head.observe(record.head, route);
    if (record.cache) this.#cache.add(1, route, registry, record.cache);
    if (record.waited > 0) this.#waited.add(record.waited / 1000);
    if (!res.writableFinished) this.#unfinished.add(1, route, registry, record.isCut ? 'proxy' : 'client');
  }

  noteIdentity({ kind }: Identity): void {
    if (kind === 'refused') this.#logins.add(1, 'user');
    if (kind === 'busy') this.#logins.add(1, 'busy');
  }

  /** Who counts what is asked of the registry of a route. */
  upstreamOf(route: Route | undefined, config: Config): UpstreamWatch {
    const registry = registryOf(route, config);
    const meter = this.#upstreams.get(registry) ?? new UpstreamWatch(this.#upstreamCounts, registry);
    this.#upstreams.set(registry, meter);
    return meter;
  }

  samples(): Samples {
    for (const session of this.#open.keys()) this.#countSent(session);
    const transfers = [...this.#open.keys()].filter(({ exchange, head }) => {
      return exchange.route !== undefined && isTransfer(head, exchange.route);
    });
    return {
      requests: this.#requests.samples(),
      duration: this.#duration.samples(),
      head: this.#head.samples(),
      inFlight: [{ labels: {}, value: this.#open.size }],
      transfers: [{ labels: {}, value: transfers.length }],
      sent: this.#sent.samples(),
      unfinished: this.#unfinished.samples(),
      waited: this.#waited.samples(),
      logins: this.#logins.samples(),
      cache: this.#cache.samples(),
      ...this.#upstreamCounts.samples(),
    };
  }

  /** Bytes that were handed over since they were counted last. */
  #countSent(session: Session): void {
    const { context, exchange, record } = session;
    const bytes = record.bytes - (this.#open.get(session) ?? 0);
    if (bytes <= 0) return;
    this.#open.set(session, record.bytes);
    this.#sent.add(bytes, kindOf(session), registryOf(exchange.route, context.config), record.cache ?? NONE);
  }
}

function kindOf({ record, exchange }: Session): string {
  return record.route ?? exchange.route?.kind ?? NONE;
}

function registryOf(route: Route | undefined, config: Config): string {
  return !route || route.kind === 'own' ? NONE : configuredName(route.upstream.name, config);
}

/** The name that a registry has in the configuration: those that a wildcard stands for are told by clients. */
export function configuredName(name: string, { upstreams }: Config): string {
  const isIt = (each: Upstream) => each.name === name;
  return (upstreams.find(isIt) ?? upstreams.find((each) => matchesWildcard(name, each.name)))?.name ?? NONE;
}
