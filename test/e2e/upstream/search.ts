import type { RequestListener } from 'node:http';
import { noteWhenAnswered } from './journal';

/** What the imitated search knows, in the form of Docker Hub's (moby, api/types/registry, `SearchResult`). */
const REPOSITORIES = [
  { name: 'nginx', description: 'Official build of Nginx.', star_count: 20123, is_official: true },
  {
    name: 'acme/multi',
    description: 'Tools of Acme \u001b[31mfor everything\u001b[0m and for more than fits in a column',
    star_count: 12,
    is_official: false,
  },
  { name: 'acme/nginx', description: '', star_count: 0, is_official: false },
];

/** Docker Hub's search: it has no login, and `/v1/_ping` is never asked there. */
export function search(world: string, host: string): RequestListener {
  return (req, res) => {
    const note = noteWhenAnswered(world, host, req, res);
    const { pathname, searchParams } = new URL(req.url ?? '/', `https://${host}`);
    if (req.headers.authorization || req.headers.cookie || req.headers['x-docker-token'])
      note.accusation = 'got a login that is meant for the proxy';
    if (req.headers.host !== host) note.accusation = `was called ${req.headers.host}`;
    if (pathname !== '/v1/search') note.accusation = `was asked for ${pathname}`;
    const term = searchParams.get('q') ?? '';
    const size = Number(searchParams.get('n') ?? 25);
    const found = REPOSITORIES.filter(({ name, description }) => `${name} ${description}`.toLowerCase().includes(term));
    const body = JSON.stringify({
      num_pages: Math.ceil(found.length / size),
      num_results: found.length,
      results: found.slice(0, size).map((each) => ({ ...each, is_automated: false })),
      page_size: size,
      query: term,
      page: 1,
    });
    // A term that a test uses for the day on which there have been too many.
    if (term === 'enough') return void res.writeHead(429, { 'retry-after': '60' }).end('Too Many Requests');
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  };
}
