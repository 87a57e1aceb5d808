import { RegistryError } from '../core/errors';
import type { ImageReport } from '../core/inspect/report';
import type { Wanted } from '../core/inspect/wanted';

/** Looks that are under way in one process. */
const MAX_UNDER_WAY = 8;

/** Milliseconds after which one is taken to be over: a request that its platform ends tells nobody. */
const LEASE = 60_000;

/** Images that are remembered. */
const MAX_KEPT = 50;

/** Layers of one image that is remembered, over all its platforms. */
const MAX_LAYERS = 500;

/** What was seen of images. It is shown again only to whom the registry, asked anew, still gives the same. */
export class Inspections {
  readonly #reports = new Map<string, ImageReport>();
  /** When each began, in milliseconds since 1970. */
  readonly #underWay = new Set<{ readonly since: number }>();

  /** @throws RegistryError 429 where there are too many by now: each look is many requests */
  async take<Outcome>(look: () => Promise<Outcome>): Promise<Outcome> {
    const now = { since: Date.now() };
    for (const each of this.#underWay) if (now.since - each.since > LEASE) this.#underWay.delete(each);
    if (this.#underWay.size >= MAX_UNDER_WAY) {
      const message = 'too many images are looked at just now: try again in a few seconds';
      throw new RegistryError(429, 'TOOMANYREQUESTS', message, undefined, [['retry-after', '5']]);
    }
    this.#underWay.add(now);
    try {
      return await look();
    } finally {
      this.#underWay.delete(now);
    }
  }

  get(wanted: Wanted): ImageReport | undefined {
    return this.#reports.get(keyOf(wanted));
  }

  keep(wanted: Wanted, report: ImageReport): void {
    const layers = report.platforms.reduce((sum, each) => sum + each.layers.length, 0);
    if (layers > MAX_LAYERS) return;
    const key = keyOf(wanted);
    this.#reports.delete(key);
    this.#reports.set(key, report);
    for (const oldest of this.#reports.keys()) {
      if (this.#reports.size <= MAX_KEPT) return;
      this.#reports.delete(oldest);
    }
  }
}

function keyOf({ registry, repository, reference }: Wanted): string {
  return `${registry} ${repository} ${reference}`;
}
