/** What is measured: its name for Prometheus, its labels, and what it means. docs/metrics.md lists the same. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

/** Seconds to the head of an answer. */
const HEAD_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Seconds of a whole request: a layer takes minutes. */
const BODY_BUCKETS = [...HEAD_BUCKETS, 120, 300, 600, 1800];

const metric =
  (type: Metric['type']) =>
  (name: string, labels: readonly string[], help: string, buckets?: readonly number[]): Metric => ({
    name: `registry_proxy_${name}`,
    type,
    labels,
    help,
    ...(buckets && { buckets }),
  });
const counter = metric('counter');
const gauge = metric('gauge');
const histogram = metric('histogram');

/** Labels hold words of this program and names of configured registries alone: nothing that a client could make up. */
export const METRICS = {
  build: gauge(
    'build_info',
    ['version', 'node', 'platform'],
    'Always 1: version, Node.js and platform of the process.',
  ),
  requests: counter(
    'requests_total',
    ['method', 'route', 'registry', 'status'],
    'Requests that are over, by what they asked for; status 499 where the client left before it got one.',
  ),
  duration: histogram(
    'request_duration_seconds',
    ['route'],
    'From the head of a request to the end of its answer.',
    BODY_BUCKETS,
  ),
  head: histogram(
    'response_head_seconds',
    ['route'],
    'From the head of a request to the head of its answer, waiting for a place included.',
    HEAD_BUCKETS,
  ),
  inFlight: gauge('requests_in_flight', [], 'Requests under way.'),
  transfers: gauge('transfers_in_flight', [], 'Requests under way that carry a blob, down or up.'),
  sent: counter(
    'sent_bytes_total',
    ['route', 'registry', 'cache'],
    'Body bytes handed to clients, transfers under way included, by what the cache did.',
  ),
  unfinished: counter(
    'unfinished_responses_total',
    ['route', 'registry', 'ended_by'],
    'Answers that did not come whole: the client left, or the proxy cut them because the upstream or the client stood still.',
  ),
  refused: counter(
    'refused_requests_total',
    ['reason'],
    'Requests answered with 429 by the proxy itself: RATE_LIMIT or MAX_TRANSFERS.',
  ),
  waiting: gauge('transfers_waiting', [], 'Transfers that wait for a place (MAX_TRANSFERS).'),
  waited: counter('transfer_wait_seconds_total', [], 'Time that transfers have waited for a place.'),
  logins: counter(
    'login_failures_total',
    ['door'],
    'Logins that were refused: of users, of users not checked because there were too many tries, of the administration.',
  ),
  cache: counter(
    'cache_requests_total',
    ['route', 'registry', 'result'],
    'Requests that the cache was asked for, by what it did.',
  ),
  faults: counter('cache_faults_total', ['fault'], 'Faults of the cache; none of them fails a pull.'),
  responses: counter(
    'upstream_responses_total',
    ['registry', 'purpose', 'status'],
    'Heads of answers from upstreams: registry, token server (realm) and storage (hop) of each registry.',
  ),
  failures: counter(
    'upstream_failures_total',
    ['registry', 'purpose', 'kind'],
    'Requests to upstreams without an answer, retries included; not those that a client ended by leaving.',
  ),
  latency: histogram(
    'upstream_response_seconds',
    ['registry', 'purpose'],
    'From a request to an upstream to the head of its answer.',
    HEAD_BUCKETS,
  ),
  received: counter('received_bytes_total', ['registry', 'purpose'], 'Body bytes received from upstreams.'),
  resumed: counter('resumed_bodies_total', ['registry'], 'Continuations of bodies that an upstream had cut.'),
  tokens: counter('tokens_total', ['registry', 'result'], 'Tokens of its own that the proxy has asked for.'),
  quota: gauge(
    'quota_remaining',
    ['registry', 'account'],
    'Pulls that an account has left, as the registry said last; 0 after a 429.',
  ),
  quotaLimit: gauge(
    'quota_limit',
    ['registry', 'account'],
    'Pulls that an account has in a window of time, where the registry says so.',
  ),
  budgetUsed: gauge(
    'budget_used',
    ['registry', 'unit'],
    'Bytes and requests that a registry has cost today (UTC), where BUDGET_* is set.',
  ),
  budgetLimit: gauge('budget_limit', ['registry', 'unit'], 'Bytes and requests that a registry may cost in a day.'),
  clientsOver: gauge('budget_clients_over', [], 'Clients that have used up a budget of the day.'),
  reloads: counter('config_reloads_total', ['result'], 'Configurations that were read again.'),
  reloadGood: gauge(
    'config_last_reload_successful',
    [],
    '1 where the configuration could be read when it was last tried.',
  ),
  reloadAt: gauge(
    'config_last_reload_success_timestamp_seconds',
    [],
    'When the configuration was last read without a fault, in seconds since 1970.',
  ),
} as const satisfies Record<string, Metric>;
