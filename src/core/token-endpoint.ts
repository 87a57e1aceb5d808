import type { Config, Upstream } from './config';
import { RegistryError } from './errors';
import { pingForward } from './forwards';
import { AGENT, type HeaderList, headerOf, requestHeaders } from './headers';
import { issuedToken } from './login-endpoint';
import { noTokens } from './proxy-mode';
import { valuesOf } from './query';
import { learnRealm, type Realms } from './realm';
import { isWildcard } from './registries-setting';
import type { Route } from './route';
import { registryOfScope, splitScopes } from './scope';
import { MAX_TOKEN_REQUEST, tokenForm, tokenQuery } from './token';
import type { Answer, Forward, Read, RequestHead, ResponseHead } from './verbs';

/** One request to our token endpoint: the upstream's own realm answers it. */
export class TokenEndpoint {
  readonly #config: Config;
  readonly #realms: Realms;
  readonly #head: RequestHead;
  readonly #route: Route;
  #upstream: Upstream;
  #form = '';

  constructor(config: Config, realms: Realms, head: RequestHead, route: Route) {
    this.#config = config;
    this.#realms = realms;
    this.#head = head;
    this.#route = route;
    this.#upstream = route.upstream;
  }

  /** @throws RegistryError 404 where no registry leaves the tokens to its clients */
  onRequest(): Answer | Forward | Read {
    if (!this.#config.upstreams.some(({ auth }) => auth === 'relay')) throw noTokens(this.#route);
    if (this.#head.method === 'POST') return { verb: 'read', limit: MAX_TOKEN_REQUEST };
    return this.#begin(valuesOf(this.#route.query, 'scope'));
  }

  onForm(form: string): Answer | Forward {
    this.#form = form;
    return this.#begin(new URLSearchParams(form).getAll('scope'));
  }

  /** Each scope may name its registry; a login without one is for the registry that takes logins. */
  #begin(values: readonly string[]): Answer | Forward {
    const config = this.#config;
    const scopes = splitScopes(values);
    const named = scopes.map((scope) => registryOfScope(scope, config)).find((upstream) => upstream !== undefined);
    // A name with * stands for hosts that are not known yet, and none of them is this login's.
    const relaying = config.upstreams.find(({ auth, name }) => auth === 'relay' && !isWildcard(name));
    const isDefault = this.#upstream.name === config.upstreams[0].name;
    if (isDefault && named) this.#upstream = named;
    else if (scopes.length === 0 && this.#upstream.auth === 'proxy' && relaying) this.#upstream = relaying;
    // It says nothing and opens nothing, for a client that must bring a token to some registries, and brings one to all.
    return this.#upstream.auth === 'proxy' ? issuedToken('anonymous') : this.#ask();
  }

  /**
   * The upstream's answer to `GET /v2/`, which names the realm.
   * @throws RegistryError where it names none
   */
  onPing(head: ResponseHead): Forward {
    const upstream = this.#upstream;
    if (learnRealm(head, upstream, this.#realms)) return this.#ask();
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
    const upstream = this.#upstream;
    const { query } = this.#route;
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
