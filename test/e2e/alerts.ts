/** Unit tests of deploy/monitoring/alerts.yml for promtool: each alert fires where it should, and stays silent where all is well. */

export interface Rule {
  alert: string;
  expr: string;
  labels: Record<string, string>;
  annotations: { summary: string; description: string };
}

/** A series and its values, as promtool writes them, a value a minute. */
type Series = readonly [name: string, labels: Record<string, string>, values: string];

interface Case {
  readonly name: string;
  readonly series: readonly Series[];
  readonly at: string;
  readonly fires: readonly (readonly [alert: string, labels: Record<string, string>, summary: string])[];
}

const INSTANCE = { job: 'registry-proxy', instance: 'a:3000' };

/** What is counted of one registry, as it adds up by the minute. */
const counted = (name: string, labels: Record<string, string>, perMinute: number): Series => [
  `registry_proxy_${name}_total`,
  labels,
  `0+${perMinute}x30`,
];

const cases: readonly Case[] = [
  {
    name: 'a process that is gone',
    series: [['up', {}, '1 0x5']],
    at: '4m',
    fires: [['RegistryProxyDown', INSTANCE, 'a:3000 cannot be scraped']],
  },
  {
    name: 'errors of one registry',
    series: [
      counted('requests', { registry: 'quay.io', route: 'blob', status: '502' }, 6),
      counted('requests', { registry: 'quay.io', route: 'blob', status: '200' }, 54),
      counted('requests', { registry: 'ghcr.io', route: 'blob', status: '200' }, 54),
    ],
    at: '20m',
    fires: [['RegistryProxyServerErrors', { registry: 'quay.io' }, '10% of the requests for quay.io end in 5xx']],
  },
  {
    name: 'an upstream that never answers',
    series: [counted('upstream_failures', { registry: 'quay.io', purpose: 'registry', kind: 'timeout' }, 6)],
    at: '10m',
    fires: [
      [
        'RegistryProxyUpstreamFailing',
        { registry: 'quay.io', purpose: 'registry' },
        '100% of what is asked of quay.io (registry) fails',
      ],
    ],
  },
  {
    name: 'a storage that answers 503 now and then',
    series: [
      counted('upstream_responses', { registry: 'quay.io', purpose: 'hop', status: '503' }, 30),
      counted('upstream_responses', { registry: 'quay.io', purpose: 'hop', status: '200' }, 70),
      counted('upstream_responses', { registry: 'ghcr.io', purpose: 'hop', status: '404' }, 70),
    ],
    at: '10m',
    fires: [
      [
        'RegistryProxyUpstreamFailing',
        { registry: 'quay.io', purpose: 'hop' },
        '30% of what is asked of quay.io (hop) fails',
      ],
    ],
  },
  {
    name: 'a quota that is used up',
    series: [
      counted('upstream_responses', { registry: 'docker.io', purpose: 'registry', status: '429' }, 2),
      ['registry_proxy_quota_remaining', { registry: 'docker.io', account: 'anonymous' }, '7x30'],
      ['registry_proxy_quota_remaining', { registry: 'docker.io', account: '1' }, '150x30'],
    ],
    at: '20m',
    fires: [
      ['RegistryProxyRateLimited', { registry: 'docker.io' }, 'docker.io has refused 30 requests in 15 minutes (429)'],
      [
        'RegistryProxyQuotaLow',
        { registry: 'docker.io', account: 'anonymous' },
        'docker.io: account anonymous has 7 pulls left',
      ],
    ],
  },
  {
    name: 'a disk that is full',
    series: [counted('cache_faults', { fault: 'full' }, 1), counted('cache_faults', { fault: 'other' }, 9)],
    at: '20m',
    fires: [
      [
        'RegistryProxyCacheFaults',
        { instance: 'a:3000', fault: 'full' },
        'the cache of a:3000 has had 15 faults (full) in 15 minutes',
      ],
    ],
  },
  {
    name: 'a login that has run out',
    series: [counted('tokens', { registry: 'docker.io', result: 'refused' }, 1)],
    at: '20m',
    fires: [['RegistryProxyTokensFailing', { registry: 'docker.io' }, 'docker.io gives no tokens']],
  },
  {
    name: 'answers that are cut',
    series: [
      counted('unfinished_responses', { registry: 'quay.io', route: 'blob', ended_by: 'proxy' }, 1),
      counted('unfinished_responses', { registry: 'ghcr.io', route: 'blob', ended_by: 'client' }, 9),
    ],
    at: '20m',
    fires: [['RegistryProxyTransfersCut', { registry: 'quay.io' }, '15 answers of quay.io were cut in 15 minutes']],
  },
  {
    name: 'a process that has too much to do',
    series: [['nodejs_eventloop_lag_p99_seconds', {}, '0.5x30']],
    at: '10m',
    fires: [['RegistryProxyEventLoopSlow', INSTANCE, 'the event loop of a:3000 is late by 500ms']],
  },
  {
    name: 'clients that no longer come',
    series: [
      ['registry_proxy_requests_total', { route: 'blob', registry: 'quay.io', status: '200' }, '0+5x200 1000x1600'],
      ['registry_proxy_requests_total', { route: 'own', registry: 'none', status: '200' }, '0+2x1800'],
    ],
    at: '1520m',
    fires: [
      [
        'RegistryProxyServesNothing',
        {},
        'nobody has asked for an image for 15 minutes, and yesterday at this time somebody did',
      ],
    ],
  },
  {
    name: 'a budget that is nearly used',
    series: [
      ['registry_proxy_budget_used', { registry: 'docker.io', unit: 'bytes' }, '90x10'],
      ['registry_proxy_budget_limit', { registry: 'docker.io', unit: 'bytes' }, '100x10'],
      ['registry_proxy_budget_used', { registry: 'quay.io', unit: 'bytes' }, '50x10'],
      ['registry_proxy_budget_limit', { registry: 'quay.io', unit: 'bytes' }, '100x10'],
    ],
    at: '5m',
    fires: [
      [
        'RegistryProxyBudgetNearlyUsed',
        { registry: 'docker.io', unit: 'bytes' },
        '90% of the bytes that docker.io may cost today are used',
      ],
    ],
  },
  {
    name: 'a configuration with a fault',
    series: [['registry_proxy_config_last_reload_successful', {}, '1 0x20']],
    at: '10m',
    fires: [['RegistryProxyReloadFailed', INSTANCE, 'a:3000 could not read its configuration again']],
  },
  {
    name: 'somebody who guesses',
    series: [counted('login_failures', { door: 'user' }, 10)],
    at: '20m',
    fires: [['RegistryProxyGuessing', { instance: 'a:3000' }, '150 logins at a:3000 were refused in 15 minutes']],
  },
  {
    name: 'all is well',
    series: [
      ['up', {}, '1x1600'],
      ['registry_proxy_requests_total', { route: 'blob', registry: 'quay.io', status: '200' }, '0+50x1600'],
      ['registry_proxy_requests_total', { route: 'blob', registry: 'quay.io', status: '502' }, '0+1x1600'],
      ['registry_proxy_upstream_responses_total', { registry: 'quay.io', purpose: 'hop', status: '200' }, '0+50x1600'],
      ['registry_proxy_upstream_responses_total', { registry: 'quay.io', purpose: 'hop', status: '429' }, '3x1600'],
      ['registry_proxy_upstream_failures_total', { registry: 'quay.io', purpose: 'hop', kind: 'reset' }, '0+1x1600'],
      ['registry_proxy_quota_remaining', { registry: 'docker.io', account: 'anonymous' }, '80x1600'],
      ['registry_proxy_cache_faults_total', { fault: 'full' }, '3x1600'],
      ['registry_proxy_tokens_total', { registry: 'docker.io', result: 'fetched' }, '0+9x1600'],
      ['registry_proxy_unfinished_responses_total', { registry: 'quay.io', ended_by: 'client' }, '0+9x1600'],
      ['nodejs_eventloop_lag_p99_seconds', {}, '0.012x1600'],
      ['registry_proxy_budget_used', { registry: 'docker.io', unit: 'bytes' }, '10x1600'],
      ['registry_proxy_budget_limit', { registry: 'docker.io', unit: 'bytes' }, '100x1600'],
      ['registry_proxy_config_last_reload_successful', {}, '1x1600'],
      ['registry_proxy_login_failures_total', { door: 'user' }, '0+1x1600'],
    ],
    at: '1520m',
    fires: [],
  },
];

/** Alerts for which there is a case in which they fire. */
export const firing: ReadonlySet<string> = new Set(cases.flatMap(({ fires }) => fires.map(([alert]) => alert)));

/** What `promtool test rules` reads, in JSON, which is YAML as well. Every alert that is not said to fire must be silent. */
export function alertTests(rules: readonly Rule[], file: string): string {
  const tests = cases.map(({ name, series, at, fires }) => ({
    name,
    interval: '1m',
    input_series: series.map(([metric, labels, values]) => ({ series: printSeries(metric, labels), values })),
    alert_rule_test: rules.map(({ alert, labels: own, annotations }) => ({
      eval_time: at,
      alertname: alert,
      exp_alerts: fires
        .filter(([fired]) => fired === alert)
        .map(([, labels, summary]) => ({
          exp_labels: { ...labels, ...own },
          exp_annotations: { ...annotations, summary },
        })),
    })),
  }));
  return JSON.stringify({ rule_files: [file], evaluation_interval: '1m', tests });
}

function printSeries(metric: string, labels: Record<string, string>): string {
  const all = Object.entries({ ...INSTANCE, ...labels }).map(([name, value]) => `${name}="${value}"`);
  return `${metric}{${all.join(', ')}}`;
}
