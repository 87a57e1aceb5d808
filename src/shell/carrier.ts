import type { Authorize, Failure, Forward, ResponseHead } from '../core/verbs';

/** How a runtime asks upstreams, on behalf of one client or of none in particular. */
export interface Carrier<Response> {
  /** @throws what `failureOf` understands; no response came then */
  send(forward: Forward): Promise<Response>;
  headOf(response: Response): ResponseHead;
  /** Gets rid of a response whose body nobody wants. */
  discard(response: Response): void;
  failureOf(error: unknown): Failure;
  /** The token document, empty where it was refused, undefined where none was to be had. */
  fetchToken(verb: Authorize): Promise<string | undefined>;
}
