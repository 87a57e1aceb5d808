import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS, type Metric } from '../../src/node/metric-table';
import { root } from '../tools/sources';

const metrics: Metric[] = Object.values(METRICS);
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('docs/metrics.md', () => {
  test('lists every metric as the code has it, and no other', () => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| `(registry_proxy_\w+)` \| (\w+) \| (.*?) \| (.*) \|$/gm)];
    const listed = rows.map(([, name, type, labels, help]) => ({
      name,
      type,
      labels: [...(labels ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label),
      help,
    }));
    expect(listed).toEqual(metrics.map(({ name, type, labels, help }) => ({ name, type, labels, help })));
  });
});

describe('the metrics', () => {
  test.each(metrics.map((metric) => [metric.name, metric] as const))(
    '%s is named as Prometheus wants it',
    (_, metric) => {
      expect(metric.name.endsWith('_total')).toBe(metric.type === 'counter');
      expect(metric.name).not.toMatch(/milli|_ms\b|kilo|mega/);
      if (metric.type === 'histogram') expect(metric.name).toMatch(/_seconds$/);
      expect(metric.labels.filter((label) => /repo|image|client|user|host|tag|digest/.test(label))).toEqual([]);
    },
  );
});

describe('deploy/monitoring', () => {
  const CHOSEN = /^\$\{datasource\}$/;
  const named = (text: string) => new Set(text.match(/registry_proxy_[a-z_]*[a-z]/g));
  const sources = ['alerts.yml', 'grafana-dashboard.json'].map((file) => read(`deploy/monitoring/${file}`)).join('\n');
  const own = new Set(metrics.flatMap(({ name, type }) => [name, ...(type === 'histogram' ? [`${name}_bucket`] : [])]));

  test('names metrics that there are', () => {
    const names = [...named(sources)].filter((name) => name !== 'registry_proxy_upstream');
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !own.has(name))).toEqual([]);
  });

  test('shows every metric that there is', () => {
    const shown = named(sources);
    expect(metrics.map(({ name }) => name).filter((name) => !shown.has(name) && !shown.has(`${name}_bucket`))).toEqual(
      [],
    );
  });

  test('uses labels that these metrics have', () => {
    const selectors = [...sources.replaceAll('\\"', '"').matchAll(/(registry_proxy_\w+)\{([^}]*)\}/g)];
    expect(selectors.length).toBeGreaterThan(20);
    for (const [, name = '', inside = ''] of selectors) {
      const metric = metrics.find((each) => each.name === name.replace(/_bucket$/, ''));
      const labels = [...inside.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label);
      expect([
        name,
        labels.filter((label) => label !== 'instance' && !metric?.labels.includes(label as string)),
      ]).toEqual([name, []]);
    }
  });

  test('the dashboard asks only the data source that is chosen, and shows each panel in a place of its own', () => {
    const { panels, templating } = JSON.parse(read('deploy/monitoring/grafana-dashboard.json'));
    expect(templating.list.map(({ name }: { name: string }) => name)).toEqual(['datasource', 'instance']);
    const places = panels.flatMap(({ gridPos: { x, y, w, h } }: { gridPos: Record<string, number> }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(places).size).toBe(places.length);
    expect(new Set(panels.map(({ id }: { id: number }) => id)).size).toBe(panels.length);
    for (const { type, datasource, targets = [] } of panels) {
      if (type !== 'row') expect(datasource.uid).toMatch(CHOSEN);
      for (const target of targets)
        expect([target.datasource.uid, target.expr]).toEqual([
          expect.stringMatching(CHOSEN),
          expect.stringContaining('$instance'),
        ]);
    }
  });
});
