import type { Config } from './config';
import { RegistryError } from './errors';
import { backendForward } from './forwards';
import { headersOf } from './headers';
import { isName } from './reference';
import type { Route } from './route';
import { answerSearchPing, SEARCH_PING, searchForward } from './search';
import { originOf } from './url';
import type { Answer, Forward, RequestHead } from './verbs';

/**
 * What becomes of a path outside `/v2/`: a search goes to `SEARCH_BACKEND`, browsers to the registry's own pages, the rest to
 * `DEFAULT_BACKEND_HOST`.
 * @throws RegistryError 404 where nothing is served there
 */
export function askOutside(head: RequestHead, route: Route, config: Config): Answer | Forward {
  if (route.search) return searchForward(head, route.search, config);
  if (route.path === SEARCH_PING) return answerSearchPing(config);
  const page = redirectBrowser(head, route.path, config);
  if (page) return page;
  if (route.kind === 'own') throw new RegistryError(404, 'NAME_UNKNOWN', 'nothing here', { path: route.path });
  if (!route.upstream.handleRedirect) return backendForward(head, route, config);
  throw new RegistryError(404, 'NAME_UNKNOWN', 'only /v2/ is served here', {
    hint: 'with HANDLE_REDIRECT the proxy follows redirects itself',
  });
}

/** Where a browser is sent that opens a page of a domain of somebody's own; undefined for everybody else. */
function redirectBrowser({ method, headers }: RequestHead, path: string, config: Config): Answer | undefined {
  const isBrowser = method === 'GET' && headersOf(headers, 'accept').some((value) => value.includes('text/html'));
  const name = path.replace(/^\/+|\/+$/g, '').replace(/[:@].*$/, '');
  if (!config.browserRedirects || !isBrowser || (name !== '' && !isName(name))) return undefined;
  const [{ url, name: registry, prefix }] = config.upstreams;
  const page = registry === 'docker.io' ? `https://hub.docker.com/${name ? 'r' : 'u'}` : originOf(url);
  const location = [page, prefix, name].filter(Boolean).join('/');
  return {
    verb: 'answer',
    status: 307,
    headers: [
      ['location', location],
      ['cache-control', 'no-store'],
    ],
    body: '',
  };
}
