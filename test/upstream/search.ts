import { type Exchange, listen, type Upstream } from './listen';

/** A hit as Docker Hub's search prints it (Docker Registry v1 API, "Search"; moby, api/types/registry, `SearchResult`). */
export interface Hit {
  name: string;
  description?: unknown;
  star_count?: unknown;
  is_official?: unknown;
  is_automated?: unknown;
  [more: string]: unknown;
}

/** Three that people search for. */
export const HITS: readonly Hit[] = [
  { name: 'nginx', description: 'Official build of Nginx.', star_count: 20000, is_official: true, is_automated: false },
  {
    name: 'nginx/nginx-ingress',
    description: 'NGINX Ingress Controllers',
    star_count: 110,
    is_official: false,
    is_automated: false,
  },
  { name: 'bitnami/nginx', description: '', star_count: 190, is_official: false, is_automated: true },
];

/** What answers `/v1/search` in place of Docker Hub. Whoever shows it a login is accused. */
export async function startSearch(hits: readonly Hit[] = HITS): Promise<Upstream> {
  return listen('search', (exchange) => answer(exchange, hits));
}

function answer({ seen, send, accuse }: Exchange, hits: readonly Hit[]): void {
  for (const name of ['authorization', 'cookie', 'x-docker-token'])
    if (seen.header(name) !== undefined) accuse(`was shown ${name}`);
  const size = Number(seen.query.get('n') ?? 25);
  const page = Number(seen.query.get('page') ?? 1);
  const found = hits.slice((page - 1) * size, page * size);
  const body = {
    num_pages: Math.ceil(hits.length / size),
    num_results: hits.length,
    results: found,
    page_size: size,
    query: seen.query.get('q'),
    page,
  };
  if (seen.path !== '/v1/search') accuse('was asked something else');
  send(200, { 'content-type': 'application/json', 'set-cookie': 'session=1', vary: 'Cookie' }, JSON.stringify(body));
}
