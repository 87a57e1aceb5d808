import type { Metric } from './metric-table';

/**
 * Combinations of labels that one metric holds at most: a scrape has a bound, whatever upstreams answer. What comes behind
 * them is counted together, each label `other`.
 */
export const MAX_SERIES = 2000;

const OTHER = 'other';

/** One value, as prom-client prints it. */
export interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What is counted under one combination of labels. */
export interface Cell {
  value: number;
}

interface Distribution {
  /** By bucket; one more for what is above the last bound. */
  readonly counts: number[];
  sum: number;
}

/** The values of one metric by their labels, given in the order that the table has them in. */
class Series<Value> {
  readonly metric: Metric;
  readonly #values = new Map<string, readonly [labels: readonly string[], value: Value]>();
  readonly #make: () => Value;

  constructor(metric: Metric, make: () => Value) {
    this.metric = metric;
    this.#make = make;
  }

  of(...labels: readonly string[]): Value {
    const key = labels.join('\n');
    const known = this.#values.get(key);
    if (known) return known[1];
    if (this.#values.size >= MAX_SERIES && labels.some((label) => label !== OTHER)) {
      return this.of(...labels.map(() => OTHER));
    }
    const made = this.#make();
    this.#values.set(key, [labels, made]);
    return made;
  }

  entries(): (readonly [labels: Readonly<Record<string, string>>, value: Value])[] {
    return [...this.#values.values()].map(([labels, value]) => [named(this.metric, labels), value]);
  }
}

export class Counter {
  readonly #series: Series<Cell>;

  constructor(metric: Metric) {
    this.#series = new Series(metric, () => ({ value: 0 }));
  }

  /** For what is counted often: found once, and added to. */
  cell(...labels: readonly string[]): Cell {
    return this.#series.of(...labels);
  }

  add(value: number, ...labels: readonly string[]): void {
    this.#series.of(...labels).value += value;
  }

  samples(): Sample[] {
    return this.#series.entries().map(([labels, { value }]) => ({ labels, value }));
  }
}

export class Histogram {
  readonly #series: Series<Distribution>;
  readonly #bounds: readonly number[];
  readonly #name: string;

  constructor(metric: Metric) {
    const { name, buckets = [] } = metric;
    this.#name = name;
    this.#bounds = buckets;
    this.#series = new Series(metric, () => ({ counts: new Array(buckets.length + 1).fill(0), sum: 0 }));
  }

  /** @param milliseconds of whatever took so long; it is told in seconds */
  observe(milliseconds: number, ...labels: readonly string[]): void {
    const seconds = milliseconds / 1000;
    const distribution = this.#series.of(...labels);
    let index = 0;
    while (index < this.#bounds.length && seconds > this.#bounds[index]) index += 1;
    distribution.counts[index] += 1;
    distribution.sum += seconds;
  }

  samples(): Sample[] {
    return this.#series.entries().flatMap(([labels, { counts, sum }]) => {
      let value = 0;
      const buckets = [...this.#bounds, '+Inf'].map((le, index): Sample => {
        value += counts[index];
        return { metricName: `${this.#name}_bucket`, labels: { ...labels, le }, value };
      });
      const total: Sample[] = [
        { metricName: `${this.#name}_sum`, labels, value: sum },
        { metricName: `${this.#name}_count`, labels, value },
      ];
      return [...buckets, ...total];
    });
  }
}

/** Names for the labels of a metric. */
export function named({ labels }: Metric, values: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(labels.map((label, index) => [label, values[index]]));
}
