import type { Config } from './config';
import { RegistryError } from './errors';
import { pingForward } from './forwards';
import { AGENT, type HeaderList, headerOf, requestHeaders } from './headers';
import { learnRealm, type Realms } from './realm';
import type { Route } from './route';
import { MAX_TOKEN_REQUEST, tokenForm, tokenQuery } from './token';
import type { Forward, Read, RequestHead, ResponseHead } from './verbs';

/** One request to our token endpoint: the upstream's own realm answers it. */
export class TokenEndpoint {
  readonly #config: Config;
  readonly #realms: Realms;
  readonly #head: RequestHead;
  readonly #route: Route;
  #form = '';

  constructor(config: Config, realms: Realms, head: RequestHead, route: Route) {
    this.#config = config;
    this.#realms = realms;
    this.#head = head;
    this.#route = route;
  }

  onRequest(): Forward | Read {
    return this.#head.method === 'POST' ? { verb: 'read', limit: MAX_TOKEN_REQUEST } : this.#ask();
  }

  onForm(form: string): Forward {
    this.#form = form;
    return this.#ask();
  }

  /**
   * The upstream's answer to `GET /v2/`, which names the realm.
   * @throws RegistryError where it names none
   */
  onPing(head: ResponseHead): Forward {
    const { upstream } = this.#route;
    if (learnRealm(head.headers, upstream, this.#realms)) return this.#ask();
    const about = { registry: upstream.name };
    if (head.status === 429) {
      throw new RegistryError(429, 'TOOMANYREQUESTS', 'the registry answers 429', about, retryAfter(head));
    }
    if (head.status >= 500) {
      throw new RegistryError(502, 'UNAVAILABLE', `the registry answers ${head.status}`, about, retryAfter(head));
    }
    throw new RegistryError(404, 'UNSUPPORTED', `${upstream.name} has no token server`, about);
  }

  /** The realm is asked where it is known; else the upstream is pinged for it first. */
  #ask(): Forward {
    const { upstream, query } = this.#route;
    const realm = this.#realms.get(upstream.name);
    const headers = requestHeaders(this.#head.headers, AGENT);
    if (!realm) return pingForward(headers, upstream);
    if (this.#head.method === 'POST') return tokenForm(this.#form, headers, realm, upstream, this.#config);
    return tokenQuery(query, headers, realm, upstream, this.#config);
  }
}

function retryAfter(head: ResponseHead): HeaderList {
  const value = headerOf(head.headers, 'retry-after');
  return value === undefined ? [] : [['retry-after', value]];
}
