import type { IncomingMessage } from 'node:http';
import { tallyOf } from './received';

export interface IntakeOptions {
  /** Bytes of the body dropped before the first one is taken. */
  readonly skip: number;
  /** Milliseconds without a byte while they are taken. */
  readonly stall: number;
  /** Takes what has come; false where nothing more is wanted. */
  readonly take: (bytes: Buffer) => boolean;
}

export interface IntakeResult {
  /** `whole`: the message ended as its framing says; `enough`: what was wanted is there. */
  readonly end: 'whole' | 'enough' | 'cut' | 'stopped';
  /** Why it was cut. */
  readonly why?: string;
}

/** Reads one response, at the pace of who takes its bytes. */
export class Intake {
  readonly ended: Promise<IntakeResult>;
  readonly #response: IncomingMessage;
  #isHeld = false;
  #stop: () => void = () => {};

  constructor(response: IncomingMessage, options: IntakeOptions) {
    this.#response = response;
    this.ended = this.#read(response, options);
  }

  /** Nothing more is read until `release`. */
  hold(): void {
    this.#isHeld = true;
    this.#response.pause();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#response.resume();
  }

  stop(): void {
    this.#stop();
  }

  #read(response: IncomingMessage, { skip, stall, take }: IntakeOptions): Promise<IntakeResult> {
    return new Promise((resolve) => {
      const tally = tallyOf(response);
      let left = skip;
      // A cleared timer cannot be refreshed, so it runs on and looks at what holds when it fires.
      const timer = setTimeout(() => {
        if (this.#isHeld) timer.refresh();
        else finish({ end: 'cut', why: `no byte for ${stall / 1000} s` });
      }, stall);
      const onData = (chunk: Buffer) => {
        timer.refresh();
        if (tally) tally.value += chunk.length;
        const bytes = left === 0 ? chunk : chunk.subarray(Math.min(left, chunk.length));
        left -= chunk.length - bytes.length;
        if (bytes.length === 0 || take(bytes)) return;
        // The end of the message is parsed in this very turn, and only an ended response leaves its connection to the pool.
        setImmediate(finish, { end: 'enough' });
      };
      const onEnd = () =>
        finish(response.complete ? { end: 'whole' } : { end: 'cut', why: 'the upstream ended early' });
      const onError = (error: NodeJS.ErrnoException) =>
        finish({ end: 'cut', why: `the upstream cut (${error.code ?? 'without a reason'})` });
      const onClose = () => finish({ end: 'cut', why: 'the upstream cut' });
      const finish = (result: IntakeResult) => {
        clearTimeout(timer);
        response.off('data', onData).off('end', onEnd).off('close', onClose);
        if (!response.readableEnded) response.destroy();
        resolve(result);
      };
      this.#stop = () => finish({ end: 'stopped' });

      // 'error' stays: it may come again when the response is destroyed, and unheard it would end the process.
      response.on('error', onError).on('end', onEnd).on('close', onClose).on('data', onData);
      if (response.readableEnded) onEnd();
      else if (response.destroyed) onClose();
      else response.resume();
    });
  }
}
