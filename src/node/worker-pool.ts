import { Worker } from 'node:worker_threads';

/** Says that there is too much to do at the moment: whoever asked may ask again in a while. */
export class BusyError extends Error {}

export interface PoolLimits {
  /** Workers at most. */
  readonly workers: number;
  /** Jobs that wait for one, at most. */
  readonly waiting: number;
  /** Milliseconds that a job waits at most; who asked will hardly be there any more. */
  readonly wait: number;
}

interface Job {
  readonly message: unknown;
  /** Of performance.now(). */
  readonly since: number;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Threads that run a text of code, which answers each message with one. A worker has one job at a time, is made when
 * there is none for a job, and keeps the process alive only while it has one.
 */
export class WorkerPool {
  readonly #code: () => string;
  readonly #limits: PoolLimits;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];
  #isClosed = false;

  constructor(code: () => string, limits: PoolLimits) {
    this.#code = code;
    this.#limits = limits;
  }

  /**
   * The worker's answer to a message.
   * @throws BusyError where too many wait already, or it has waited too long
   * @throws Error where its worker died, or the pool was closed
   */
  run(message: unknown): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new Error('the workers are closed'));
    if (this.#waiting.length >= this.#limits.waiting) return Promise.reject(new BusyError('too many wait already'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, since: performance.now(), resolve, reject });
      this.#next();
    });
  }

  /** Ends the workers, and rejects what they work at and what waits. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('the workers are closed'));
    for (const worker of [...this.#idle, ...this.#busy.keys()]) worker.terminate();
  }

  #next(): void {
    for (let job = this.#waiting[0]; job; job = this.#waiting[0]) {
      try {
        const isLate = performance.now() - job.since > this.#limits.wait;
        if (isLate) throw new BusyError('waited too long');
        const isFull = this.#idle.length === 0 && this.#busy.size >= this.#limits.workers;
        if (isFull) return;
        this.#give(job, this.#idle.pop() ?? this.#start());
      } catch (error) {
        job.reject(error as Error);
      }
      this.#waiting.shift();
    }
  }

  #give(job: Job, worker: Worker): void {
    this.#busy.set(worker, job);
    worker.ref();
    worker.postMessage(job.message);
  }

  #start(): Worker {
    // It needs neither the environment, where secrets stand, nor what this process was started with.
    const worker = new Worker(this.#code(), { eval: true, env: {}, argv: [], execArgv: [] });
    worker.on('message', (reply) => {
      const job = this.#busy.get(worker);
      this.#busy.delete(worker);
      worker.unref();
      this.#idle.push(worker);
      job?.resolve(reply);
      this.#next();
    });
    // It is followed by `exit`; unheard it would end this process.
    worker.on('error', () => {});
    worker.on('exit', () => {
      const job = this.#busy.get(worker);
      this.#busy.delete(worker);
      if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1);
      job?.reject(new Error('the worker ended'));
      this.#next();
    });
    return worker;
  }
}
