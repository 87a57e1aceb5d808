/** One row of docs/performance.md. */
export interface Figure {
  readonly what: string;
  readonly node: string;
  readonly value: number;
  readonly unit: string;
  /** What is to be reached; a figure without a bound only informs. */
  readonly atMost?: number;
  readonly atLeast?: number;
  /** The same, measured in the same run on something else. */
  readonly peer?: string;
}

/** What a benchmark found; test/bench/results/<name>.json holds the last one. */
export interface Outcome {
  readonly figures: readonly Figure[];
  /** Facts worth a sentence in the document. */
  readonly notes: readonly string[];
  /** The measured values behind the figures. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface Result extends Outcome {
  readonly name: string;
  /** Day of the run. */
  readonly date: string;
  /** What matters of the machine; nothing that names it. */
  readonly machine: string;
  readonly full: boolean;
}

export function isMet({ value, atMost, atLeast }: Figure): boolean {
  return value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export function rounded(values: readonly number[], digits = 2): number[] {
  return values.map((value) => round(value, digits));
}

/** `3.1 (2.9–3.4)`: the median, and the lowest and highest in brackets. */
export function spread(values: readonly number[], digits = 2): string {
  return `${round(median(values), digits)} (${round(Math.min(...values), digits)}–${round(Math.max(...values), digits)})`;
}
