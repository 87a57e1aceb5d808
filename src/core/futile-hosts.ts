/** Milliseconds for which a host is not asked over several connections again, after that was of no use. */
export const FUTILE_TIME = 600_000;

/** Hosts remembered at most; one more drops the oldest. */
export const MAX_HOSTS = 1000;

/** Hosts that send no faster over several connections, or do not keep to ranges. Times are milliseconds of one clock. */
export class FutileHosts {
  readonly #until = new Map<string, number>();

  note(host: string, now: number): void {
    this.#until.delete(host);
    this.#until.set(host, now + FUTILE_TIME);
    const [oldest] = this.#until.keys();
    if (this.#until.size > MAX_HOSTS) this.#until.delete(oldest);
  }

  has(host: string, now: number): boolean {
    return (this.#until.get(host) ?? Number.NEGATIVE_INFINITY) > now;
  }
}
