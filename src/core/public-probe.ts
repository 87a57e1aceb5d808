import { publicName } from './cache-names';
import type { Note } from './cache-verbs';
import { Conversation } from './conversation';
import { registryForward } from './forwards';
import { headersOf } from './headers';
import type { Place } from './location';
import type { Memory } from './memory';
import type { Failure, Forward, RequestHead, ResponseHead, ResponseVerb } from './verbs';

/** Milliseconds after which it is asked again whether a repository is still public. */
export const PUBLIC_LIFETIME = 3_600_000;

/**
 * Asks the registry for a manifest without anybody's login: what it shows then may be served to everybody, also while it cannot be
 * asked. Belongs to no client's request.
 */
export class PublicProbe {
  /** What is asked about, so that many who want to know ask once. */
  readonly name: string;
  readonly #conversation: Conversation;
  readonly #first: Forward;
  readonly #now: number;

  /** @param now milliseconds since 1970 */
  constructor(place: Place, head: RequestHead, memory: Memory, now: number) {
    const upstream = { ...place.route.upstream, auth: 'proxy' as const, accounts: [] };
    const route = { ...place.route, upstream };
    const headers = headersOf(head.headers, 'accept').map((value) => ['accept', value] as const);
    this.name = publicName(route);
    this.#now = now;
    this.#conversation = new Conversation({ ...place, route }, memory);
    this.#first = registryForward({ ...head, method: 'HEAD', headers }, route);
  }

  begin(): ResponseVerb {
    return this.#conversation.ask(this.#first);
  }

  onResponse(sent: Forward, head: ResponseHead, elapsed: number): ResponseVerb {
    return this.#conversation.onTransient(sent, head, elapsed) ?? this.#conversation.onResponse(sent, head, elapsed);
  }

  onFailure(sent: Forward, failure: Failure, elapsed: number): ResponseVerb | undefined {
    return this.#conversation.onFailure(sent, failure, elapsed);
  }

  onToken(document: string | undefined): ResponseVerb | undefined {
    return this.#conversation.onToken(document);
  }

  /**
   * What is known now.
   * @param status of the registry, 401 where it gives no token; undefined where it could not be asked
   */
  notes(status: number | undefined): readonly Note[] {
    if (status === 200) return [{ name: this.name, document: { since: this.#now } }];
    return status !== undefined && [401, 403, 404].includes(status) ? [{ name: this.name }] : [];
  }
}
