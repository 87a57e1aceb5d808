import type { IncomingMessage, ServerResponse } from 'node:http';
import { LOOK_INTERVAL, type Sight } from '../core/parallel';
import { loopActivity } from './loop-activity';
import { tallyOf } from './received';

/**
 * Bytes of one turn of the loop that are written together at most. TLS hands a body over in records of 16 KiB: one system
 * call for each of them costs more than all the rest.
 */
export const MAX_TOGETHER = 128 * 1024;

export interface PumpOptions {
  /** Bytes of the body dropped before the first one is sent. */
  readonly skip: number;
  /** Bytes sent at most. */
  readonly limit: number;
  /** Milliseconds without a byte from upstream, while the client takes them. */
  readonly stall: number;
  /** Milliseconds in which the client takes no byte; 0 for no limit. */
  readonly client: number;
  /** Told how many bytes have just been handed to the client's connection. */
  readonly onBytes?: (bytes: number) => void;
  /** Told now and then what was seen of the body, and its bytes so far; true where somebody else is to go on with it. */
  readonly isOver?: (sight: Sight, bytes: number) => boolean;
}

export interface PumpResult {
  /** `handed-over`: the body is paused before the next byte that is to be sent. */
  readonly end: 'complete' | 'cut' | 'client-left' | 'client-stalled' | 'handed-over';
  /** Bytes handed to the client's connection. */
  readonly bytes: number;
  /** What ended it, where it was not complete. */
  readonly why?: string;
}

/**
 * Streams one upstream body into the response, at the pace of the slower one, and says how it ended. It never ends the
 * response: whether a body is whole is for the caller to say (invariant 2).
 */
export function pump(body: IncomingMessage, res: ServerResponse, options: PumpOptions): Promise<PumpResult> {
  return new Promise((resolve) => {
    const tally = tallyOf(body);
    let bytes = 0;
    let skip = options.skip;
    let isHeld = false;
    let isCorked = false;
    let heldSince = 0;
    /** What the next look sees: when the last one was, the bytes by then, the time in which the upstream was held since. */
    const seen = { at: performance.now(), bytes: 0, held: 0, active: loopActivity() };
    let patience: NodeJS.Timeout | undefined;
    // A cleared timer cannot be refreshed, so both run on and look at what holds when they fire.
    const stall = setTimeout(() => {
      if (isHeld) stall.refresh();
      else finish('cut', `no byte for ${options.stall / 1000} s`);
    }, options.stall);
    const give = () => {
      if (isHeld) finish('client-stalled', `the client took no byte for ${options.client / 1000} s`);
    };

    const look = () => {
      const now = performance.now();
      const held = seen.held + (isHeld ? now - Math.max(heldSince, seen.at) : 0);
      const elapsed = now - seen.at;
      const active = loopActivity();
      const sight = { elapsed, waited: elapsed - held, busy: active - seen.active, bytes: bytes - seen.bytes };
      const isOver = skip === 0 && options.isOver?.(sight, bytes);
      Object.assign(seen, { at: now, bytes, held: 0, active });
      if (!isOver || bytes >= options.limit) return;
      body.pause();
      finish('handed-over');
    };
    const looks = options.isOver && setInterval(look, LOOK_INTERVAL);

    const onData = (chunk: Buffer) => {
      stall.refresh();
      if (tally) tally.value += chunk.length;
      const wanted = skip === 0 && chunk.length <= options.limit - bytes ? chunk : cutOut(chunk);
      if (wanted.length === 0) return;
      bytes += wanted.length;
      options.onBytes?.(wanted.length);
      if (!isCorked) {
        isCorked = true;
        res.cork();
        setImmediate(flush);
      }
      res.write(wanted);
      // The end of the message is parsed in this very turn, and only an ended response leaves its connection to the pool.
      if (bytes >= options.limit) setImmediate(() => finish('complete'));
      else if (res.writableLength >= MAX_TOGETHER) flush();
    };
    const cutOut = (chunk: Buffer) => {
      const wanted = chunk.subarray(Math.min(skip, chunk.length)).subarray(0, options.limit - bytes);
      skip -= Math.min(skip, chunk.length);
      return wanted;
    };
    const uncork = () => {
      if (isCorked) res.uncork();
      isCorked = false;
    };
    /** Hands over what this turn brought; what the client's connection does not take at once holds the upstream. */
    const flush = () => {
      if (!isCorked) return;
      uncork();
      if (res.writableLength > 0 && res.writableNeedDrain) holdUpstream();
    };
    const holdUpstream = () => {
      isHeld = true;
      heldSince = performance.now();
      body.pause();
      if (patience) patience.refresh();
      else if (options.client > 0) patience = setTimeout(give, options.client);
    };
    const onDrain = () => {
      if (!isHeld) return;
      isHeld = false;
      seen.held += performance.now() - Math.max(heldSince, seen.at);
      stall.refresh();
      body.resume();
    };
    const onEnd = () => (body.complete ? finish('complete') : finish('cut', 'the upstream ended early'));
    const onError = (error: NodeJS.ErrnoException) =>
      finish('cut', `the upstream cut (${error.code ?? error.message})`);
    const onBodyClose = () => finish('cut', 'the upstream cut');
    const onClientClose = () => finish('client-left', 'the client left');

    const finish = (end: PumpResult['end'], why?: string) => {
      uncork();
      clearTimeout(stall);
      clearTimeout(patience);
      clearInterval(looks);
      body.off('data', onData).off('end', onEnd).off('close', onBodyClose);
      res.off('drain', onDrain).off('close', onClientClose);
      resolve({ end, bytes, why });
    };

    // 'error' stays: it may come again when the body is destroyed, and unheard it would end the process.
    body.on('error', onError).on('end', onEnd).on('close', onBodyClose).on('data', onData);
    res.on('drain', onDrain).on('close', onClientClose);
    if (res.destroyed) onClientClose();
    else if (body.readableEnded) onEnd();
    else if (body.destroyed) onBodyClose();
    else body.resume();
  });
}
