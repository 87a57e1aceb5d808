import type { Setting } from './setting';

/** What visitors see of the service, and what its operator does. */
export const sightSettings = [
  {
    name: 'DISABLE_LANDING_PAGE',
    kind: 'boolean',
    fallback: 'false',
    help: 'No page at `/`. With `REPO_PREFIX` there is none either, unless `DISABLE_BROWSER_REDIRECTS` is set: browsers go to the registry’s own pages.',
  },
  {
    name: 'LANDING_PAGE_STATE',
    kind: 'boolean',
    fallback: 'false',
    help: 'The landing page also shows what the cache holds and how many pulls registries leave, to everybody who sees it.',
  },
  {
    name: 'SEARCH_BACKEND',
    kind: 'search',
    fallback: 'auto',
    help: 'Who answers `docker search <proxy>/<term>` and the search of the landing page: a URL below which there is `/v1/search`, another instance of this proxy for example, or `none`. `auto`: `https://index.docker.io` where Docker Hub itself is one of the registries, else none.',
  },
  {
    name: 'METRICS',
    kind: 'choice',
    fallback: 'auto',
    choices: ['auto', 'public', 'off'],
    synonyms: { none: 'off', false: 'off' },
    help: 'Who may read `/-/metrics`. `auto`: whoever shows `METRICS_TOKEN` or `ADMIN_TOKEN` (`Authorization: Bearer`), and nobody where neither is set. `public`: everybody whom `ALLOW_CLIENTS` lets in. Not on Cloudflare Workers.',
  },
  {
    name: 'METRICS_TOKEN',
    kind: 'token',
    secret: true,
    fallback: '',
    help: 'Whoever shows this token may read `/-/metrics`, and nothing else: at least 16 letters, digits and `-._~+/`.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    kind: 'url-or-host',
    fallback: '',
    help: 'An OpenTelemetry collector that traces are sent to, by OTLP over HTTP with JSON: its URL without `/v1/traces`, for example `http://collector:4318`. Without it nothing is traced; `traceparent` is passed on all the same.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    kind: 'fields',
    secret: true,
    fallback: '',
    help: 'Header fields for the collector, a login for example: `name=value,name=value`, values percent-encoded.',
  },
  {
    name: 'OTEL_SERVICE_NAME',
    kind: 'label',
    fallback: 'registry-proxy',
    help: 'What this service is called in traces.',
  },
  {
    name: 'OTEL_TRACES_SAMPLER_ARG',
    kind: 'ratio',
    fallback: '1',
    help: 'How many of the requests are traced that come without a decision of their caller’s (`traceparent`): 0 none, 0.1 one of ten, 1 all.',
  },
] as const satisfies readonly Setting[];
