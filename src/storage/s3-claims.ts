import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf } from './s3-body';
import type { S3Client } from './s3-client';
import { Refusal, unlessAbsent } from './s3-errors';
import { timeOf } from './s3-reader';
import type { Fetcher } from './store';

/** Milliseconds by the object store's clock after which a claim that was not renewed is nobody's. */
export const STALE_TIME = 20_000;

/**
 * Milliseconds between writing a claim and reading it back, where the object store does not tell who was first: what others have begun to
 * write by then has arrived, and the last one counts.
 */
export const SETTLE_TIME = 300;

/** Bytes of a claim. */
const MAX_CLAIM = 1024;

/** What is written in one. */
export interface ClaimText extends Fetcher {
  readonly owner: string;
}

/** What an object store does with `If-None-Match: *`: Amazon S3 and MinIO keep to it, Swift refuses it, others pass it over. */
type Conditions = 'unknown' | 'kept' | 'none';

/** Says who fetches a blob, by small objects. */
export class S3Claims {
  readonly #client: S3Client;
  readonly #now: () => number;
  #conditions: Conditions = 'unknown';

  constructor(client: S3Client, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  isFresh(writtenAt: number, now = this.#now()): boolean {
    return now - writtenAt <= STALE_TIME;
  }

  /** The claim that holds; undefined where there is none, or a stale one. */
  async read(objectKey: string): Promise<ClaimText | undefined> {
    const found = await this.#read(objectKey);
    return found?.isFresh ? found.text : undefined;
  }

  /** @returns the owner of a claim that has been made; undefined where somebody else has one */
  async make(objectKey: string, size: number): Promise<string | undefined> {
    const owner = randomBytes(8).toString('hex');
    const text = { owner, size, written: 0 };
    if (this.#conditions === 'kept' && (await this.#create(objectKey, text))) return owner;
    const found = await this.#read(objectKey);
    // Of an attempt whose answer was lost, the next one finds its own claim.
    if (found?.isFresh) return found.text.owner === owner ? owner : undefined;
    if (!found && this.#conditions !== 'none') {
      const isMade = await this.#create(objectKey, text);
      if (isMade && this.#conditions === 'unknown') await this.#learn(objectKey, text);
      if (this.#conditions === 'kept') return isMade ? owner : undefined;
    }
    await this.write(objectKey, text);
    await sleep(SETTLE_TIME);
    return (await this.read(objectKey))?.owner === owner ? owner : undefined;
  }

  async write(objectKey: string, text: ClaimText): Promise<void> {
    await this.#put(objectKey, text, []);
  }

  /** Not that of somebody else who has taken over. */
  async remove(objectKey: string, owner: string): Promise<void> {
    if ((await this.#read(objectKey))?.text.owner === owner)
      await this.#client.ask({ method: 'DELETE', key: objectKey });
  }

  async #read(objectKey: string): Promise<{ text: ClaimText; isFresh: boolean } | undefined> {
    const answer = await unlessAbsent(this.#client.ask({ method: 'GET', key: objectKey }, MAX_CLAIM));
    const text = answer && parse(answer.body.toString());
    if (!answer || !text) return undefined;
    const { date, 'last-modified': modified } = answer.headers;
    return { text, isFresh: this.isFresh(timeOf(modified), timeOf(date) || undefined) };
  }

  /** Whether there was none. Where the object store does not keep to conditions, that is not known. */
  async #create(objectKey: string, text: ClaimText): Promise<boolean> {
    try {
      await this.#put(objectKey, text, [['if-none-match', '*']]);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (isTaken(error)) this.#conditions = 'kept';
      else if (error.status === 501 || error.status === 400) this.#conditions = 'none';
      else throw error;
      return false;
    }
  }

  /** What has just been made cannot be made once more, if conditions are kept. */
  async #learn(objectKey: string, text: ClaimText): Promise<void> {
    if (await this.#create(objectKey, text)) this.#conditions = 'none';
  }

  async #put(objectKey: string, text: ClaimText, conditions: readonly (readonly [string, string])[]): Promise<void> {
    const headers = [['content-type', 'application/json'], ...conditions] as const;
    await this.#client.ask({ method: 'PUT', key: objectKey, headers, body: bodyOf(Buffer.from(JSON.stringify(text))) });
  }
}

/** 409: somebody else is writing it at this moment (Amazon S3, "Conditional writes"). */
function isTaken({ status }: Refusal): boolean {
  return status === 412 || status === 409;
}

/** Undefined for what somebody else put there. */
function parse(text: string): ClaimText | undefined {
  try {
    const { owner, size, written } = JSON.parse(text);
    const isRight = typeof owner === 'string' && Number.isSafeInteger(size) && Number.isSafeInteger(written);
    return isRight && size > 0 && written >= 0 ? { owner, size, written } : undefined;
  } catch {
    return undefined;
  }
}
