import type { Figure, Result } from '../bench/result';

/** What is written on a plot, in the order of `LANGUAGES`. */
export type Words = readonly [en: string, zh: string];

/** Of the two versions that are measured, the one that gets fixes. */
export const NODE = '20.20.2';

export const OWN: Words = ['this proxy', '本代理'];
export const SAME = (name: string): Words => [name, name];

/** A bar as it is described, before a language is chosen. */
export interface Described {
  readonly label: Words;
  readonly value: number;
  readonly unit: Words;
  readonly own?: boolean;
}

/** Figures of one result, found by how they begin; one that is not there is an error. */
export class Figures {
  readonly #all: readonly Figure[];

  constructor({ figures }: Result) {
    this.#all = figures.filter(({ node }) => node === NODE || node === '');
  }

  of(what: string): Found {
    return new Found(
      this.#all.find((figure) => figure.what.startsWith(what)),
      what,
    );
  }

  /** The first one that begins so behind another. */
  after(first: string, what: string): Found {
    const from = this.#all.findIndex((figure) => figure.what.startsWith(first));
    const rest = from < 0 ? [] : this.#all.slice(from + 1);
    return new Found(
      rest.find((figure) => figure.what.startsWith(what)),
      `${first} … ${what}`,
    );
  }
}

export class Found {
  readonly #figure: Figure;

  constructor(figure: Figure | undefined, what: string) {
    if (!figure) throw new Error(`no figure begins with “${what}”`);
    this.#figure = figure;
  }

  /** The figure itself, which is the proxy's. */
  value(label: Words): Described {
    const { value, unit } = this.#figure;
    return { label, value, unit: SAME(unit), own: true };
  }

  atMost(): number {
    const { atMost, what } = this.#figure;
    if (atMost === undefined) throw new Error(`“${what}” has no bound`);
    return atMost;
  }

  /** What the last column says of somebody: `distribution 21 ×`; of the proxy too, where the figure is a ratio. */
  peer(name: string, unit: string, label: Words = SAME(name)): Described {
    const { peer = '', what } = this.#figure;
    const before = name === '' ? '^' : `(?:^|[,;] )${escapePattern(name)} `;
    const found = new RegExp(`${before}([\\d.]+)(?: \\([^)]*\\))? ?${unit}(?![\\w/])`).exec(peer)?.[1];
    if (found === undefined) throw new Error(`“${what}” says nothing of ${name} in ${unit}: ${peer}`);
    return {
      label,
      value: Number(found),
      unit: SAME(unit),
      ...(label === OWN || name === 'proxy' ? { own: true } : {}),
    };
  }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
