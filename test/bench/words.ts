import type { Language } from '../tools/plots';
import type { BenchmarkName } from './report';

/** What docs/performance.md says around the figures, in one language. */
export interface Words {
  readonly language: Language;
  /** From the repository's root. */
  readonly path: string;
  readonly title: string;
  /** To the same document in the other language. */
  readonly link: string;
  readonly introduction: string;
  readonly benchmarks: Readonly<Record<BenchmarkName, string>>;
  readonly comma: string;
  readonly columns: readonly string[];
  readonly atMost: (bound: string) => string;
  readonly atLeast: (bound: string) => string;
  readonly missed: (measured: string) => string;
  /** A sentence of a benchmark, which is written in English. */
  readonly say: (sentence: string) => string;
}
