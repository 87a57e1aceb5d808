import type { Says } from './words-en';

/** In the order in which they are told. */
export const STEPS = [
  'reads',
  'kept',
  'dns',
  'connect',
  'tls',
  'clock',
  'edge',
  'ping',
  'challenge',
  'token',
  'manifest',
  'config',
  'layer',
  'redirect',
  'range',
  'upstream',
  'cache',
  'quota',
  'push',
] as const;

export type Step = (typeof STEPS)[number];

/** `note`: worth knowing, and nothing that makes a pull fail; `bad`: pulls fail, or some clients' do. */
export type Mark = 'good' | 'note' | 'bad';

export type Values = Readonly<Record<string, string | number>>;

/** One thing that was found out. The words are in tables, one for each language. */
export interface Finding {
  readonly step: Step;
  readonly mark: Mark;
  readonly says: Says;
  readonly values: Values;
  /** What to do about it. */
  readonly set?: Says;
}

type Tell = (says: Says, values?: Values, set?: Says) => Finding;

/** Findings of one step. */
export function findingsOf(step: Step): Record<Mark, Tell> {
  const tell =
    (mark: Mark): Tell =>
    (says, values = {}, set) => ({ step, mark, says, values: harmless(values), ...(set && { set }) });
  return { good: tell('good'), note: tell('note'), bad: tell('bad') };
}

export function hasFailed(findings: readonly Finding[]): boolean {
  return findings.some(({ mark }) => mark === 'bad');
}

/** What servers have written has no effect on a terminal: its control characters are blanks (ECMA-48). */
function harmless(values: Values): Values {
  const clean = (text: string) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value]),
  );
}
