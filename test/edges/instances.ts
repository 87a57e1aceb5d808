/** A process of the function; without `pid`, a server that stands for one and is not frozen. */
export interface Instance {
  port: number;
  pid?: number;
}

export interface Instances {
  /** The running ones. */
  readonly all: readonly Instance[];
  /** How often one came to a standstill. */
  readonly frozen: number;
  /** One with room for another request, thawed; it has to be given back. */
  take(): Promise<Instance>;
  giveBack(instance: Instance): void;
  /** Thaws all, so that they can be stopped. */
  thaw(): void;
}

interface Held extends Instance {
  running: number;
  isFrozen: boolean;
}

export interface InstanceOptions {
  /** Requests that one instance serves at once. */
  concurrency: number;
  /** Starts one more; without it there are those that were given, however many requests there are. */
  start?: () => Promise<Instance>;
  /** Nothing runs in one between its requests: the process is stopped in its tracks. */
  freezes: boolean;
}

/** Instances as a platform has them: another one where all are busy, and each still where it has nothing to do. */
export function holdInstances(given: readonly Instance[], options: InstanceOptions): Instances {
  const held: Held[] = given.map((instance) => ({ ...instance, running: 0, isFrozen: false }));
  let frozen = 0;

  async function startOne(): Promise<Held | undefined> {
    if (!options.start) return undefined;
    // Counted before it is there: requests that come meanwhile start others.
    const one: Held = { port: 0, running: 1, isFrozen: false };
    held.push(one);
    try {
      return Object.assign(one, await options.start());
    } catch (error) {
      held.splice(held.indexOf(one), 1);
      throw error;
    }
  }

  function thaw(one: Held): void {
    if (one.isFrozen) signal(one.pid, 'SIGCONT');
    one.isFrozen = false;
  }

  return {
    all: held,
    get frozen() {
      return frozen;
    },
    async take() {
      const free = held.find((one) => one.port > 0 && one.running < options.concurrency);
      const one = free ?? (await startOne()) ?? held[0];
      if (!one) throw new Error('there is no instance');
      if (one === free || !options.start) one.running++;
      thaw(one);
      return one;
    },
    giveBack(instance) {
      const one = held.find(({ port }) => port === instance.port);
      if (!one) return;
      one.running--;
      if (one.running > 0 || !options.freezes || one.pid === undefined) return;
      signal(one.pid, 'SIGSTOP');
      one.isFrozen = true;
      frozen++;
    },
    thaw: () => held.forEach(thaw),
  };
}

function signal(pid: number | undefined, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    if (pid !== undefined) process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
