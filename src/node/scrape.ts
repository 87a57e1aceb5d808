import { collectDefaultMetrics, type Metric as PromMetric, Registry, type RegistryContentType } from 'prom-client';
import type { KnownQuota } from '../core/quota';
import { attemptsOf } from '../shell/admin-entrance';
import { configuredName, type Samples } from './meter';
import { Counter, type Sample } from './metric-series';
import { METRICS, type Metric } from './metric-table';
import { program } from './program';
import type { Context } from './session';

/** The text format of Prometheus, and OpenMetrics 1.0. */
export const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** What prom-client prints: where it comes from is nothing to it. */
interface Printed {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Sample[];
}

/** Gauges with the name of a counter, and a minimum that is the largest number there is until the loop has been seen. */
const UNFIT = /^nodejs_active_|^nodejs_eventloop_lag_min_/;

let defaults: Registry | undefined;

/** Everything that is measured, in one of the two formats. */
export async function scrape(context: Context, type: RegistryContentType): Promise<string> {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(type);
  const isOpen = type === OPEN_METRICS;
  for (const printed of [...ownMetrics(context), ...(await processMetrics())]) {
    // OpenMetrics names a counter without its ending, and prom-client puts that behind each value.
    const name = isOpen && printed.type === 'counter' ? printed.name.replace(/_total$/, '') : printed.name;
    const get = async () => ({ ...printed, name });
    registry.registerMetric({ name, type: printed.type, get } as unknown as PromMetric<string>);
  }
  return registry.metrics();
}

/** Those of the process and of Node.js, which are measured from the first scrape on. */
async function processMetrics(): Promise<Printed[]> {
  if (!defaults) {
    defaults = new Registry();
    collectDefaultMetrics({ register: defaults });
  }
  const all = (await defaults.getMetricsAsJSON()) as unknown as Printed[];
  const isKnown = ({ value }: Sample) => Number.isFinite(value);
  return all.filter(({ name }) => !UNFIT.test(name)).map((each) => ({ ...each, values: each.values.filter(isKnown) }));
}

function ownMetrics(context: Context): Printed[] {
  const sources: Samples[] = [context.meter?.samples() ?? {}, samplesOf(context)];
  return Object.entries(METRICS).map(([key, { name, help, type }]: [string, Metric]) => ({
    name,
    help,
    type,
    values: sources.flatMap((samples) => samples[key as keyof typeof METRICS] ?? []),
  }));
}

/** What is left to each account; of the registries that a wildcard stands for, the one that has least. */
function quotasOf({ config, memory }: Context): Pick<Samples, 'quota' | 'quotaLimit'> {
  const least = new Map<string, KnownQuota>();
  for (const quota of memory.quotas.all()) {
    const registry = configuredName(quota.registry, config);
    const known = least.get(`${registry} ${quota.account}`);
    if (known && known.remaining <= quota.remaining) continue;
    least.set(`${registry} ${quota.account}`, { ...quota, registry });
  }
  const all = [...least.values()];
  return {
    quota: all.map(({ registry, account, remaining }) => sample(remaining, { registry, account })),
    quotaLimit: all.flatMap(({ registry, account, limit }) =>
      limit === undefined ? [] : [sample(limit, { registry, account })],
    ),
  };
}

/** What registries have cost today; of those that a wildcard stands for, the one that has cost most. */
function budgetsOf({ config, guard }: Context): Pick<Samples, 'budgetUsed' | 'budgetLimit' | 'clientsOver'> {
  if (!config.budgets) return {};
  const { upstreams, clientsOver } = guard.budgets.usage(config);
  const used = new Counter(METRICS.budgetUsed);
  const limits = new Counter(METRICS.budgetLimit);
  for (const use of upstreams) {
    const registry = configuredName(use.registry, config);
    for (const unit of ['bytes', 'requests'] as const) {
      const most = used.cell(registry, unit);
      most.value = Math.max(most.value, use[unit]);
      const limit = use.budget[unit];
      if (limit !== undefined) limits.cell(registry, unit).value = limit;
    }
  }
  return { budgetUsed: used.samples(), budgetLimit: limits.samples(), clientsOver: [sample(clientsOver)] };
}

/** What others than the meter know. */
function samplesOf(context: Context): Samples {
  const { config, counts, guard } = context;
  const { reloads, faults } = counts;
  const { rateLimit, transfers } = guard.refused;
  return {
    build: [{ labels: { version: versionOf(program), node: process.version, platform: config.platform }, value: 1 }],
    refused: [sample(rateLimit, { reason: 'rate_limit' }), sample(transfers, { reason: 'transfers' })],
    waiting: [sample(guard.waiting)],
    logins: [sample(attemptsOf(guard).failed, { door: 'administration' })],
    faults: [...faults].map(([fault, count]) => sample(count, { fault })),
    ...quotasOf(context),
    ...budgetsOf(context),
    reloads: [sample(reloads.good, { result: 'success' }), sample(reloads.bad, { result: 'failure' })],
    reloadGood: [sample(reloads.isLastGood ? 1 : 0)],
    reloadAt: [sample(reloads.goodAt / 1000)],
  };
}

function sample(value: number, labels: Sample['labels'] = {}): Sample {
  return { labels, value };
}

/** `registry-proxy-serverless 0.1.0` → `0.1.0`. */
function versionOf(name: string): string {
  return /\d[\w.+-]*$/.exec(name)?.[0] ?? 'source';
}
