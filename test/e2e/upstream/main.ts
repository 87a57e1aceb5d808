// The imitated hosts of a test world: docker.io and ghcr.io with their token servers and CDNs, and a registry with logins.
//   main.ts <world folder>     run inside the world's namespaces; says "ready" on stdout
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { addresses, ports } from '../addresses';
import { basicUser } from './accounts';
import { cdn } from './cdn';
import { accountUsers } from './foreign';
import { front } from './front';
import { search } from './search';
import { tokenServer } from './tokens';

const world = process.argv[2] ?? '';
const tls = { key: readFileSync(join(world, 'hosts.key')), cert: readFileSync(join(world, 'hosts.crt')) };
const signer = {
  key: readFileSync(join(world, 'tokens.key'), 'utf8'),
  cert: readFileSync(join(world, 'tokens.crt'), 'utf8'),
};

function serve(host: keyof typeof addresses, handle: RequestListener): Promise<void> {
  const server = createServer(tls, handle);
  server.requestTimeout = 0;
  return new Promise((resolve) => server.listen(443, addresses[host], resolve));
}

const hubCdn = 'production.cloudflare.docker.com';
const ghcrCdn = 'pkg-containers.githubusercontent.com';
const ghcrTokens = tokenServer({
  world,
  host: 'ghcr.io',
  service: 'ghcr.io',
  issuer: 'ghcr.io',
  signer,
  refusesStrangers: true,
});
const hubFront = front({
  world,
  host: 'registry-1.docker.io',
  port: ports.hub,
  cdnHost: hubCdn,
  known: { users: accountUsers, issuer: 'auth.docker.io' },
});
const ghcrFront = front({
  world,
  host: 'ghcr.io',
  port: ports.ghcr,
  cdnHost: ghcrCdn,
  known: { users: accountUsers, issuer: 'ghcr.io' },
  ownUploadPaths: true,
});
const basicFront = front({
  world,
  host: 'basic.example.org',
  port: ports.basic,
  known: { users: [basicUser.user] },
});

Promise.all([
  serve('registry-1.docker.io', hubFront),
  serve(
    'auth.docker.io',
    tokenServer({ world, host: 'auth.docker.io', service: 'registry.docker.io', issuer: 'auth.docker.io', signer }),
  ),
  serve('index.docker.io', search(world, 'index.docker.io')),
  serve(hubCdn, cdn(world, hubCdn, join(world, 'hub'))),
  serve('ghcr.io', (req, res) => (req.url?.startsWith('/token') ? ghcrTokens(req, res) : ghcrFront(req, res))),
  serve(ghcrCdn, cdn(world, ghcrCdn, join(world, 'ghcr'))),
  serve('basic.example.org', basicFront),
]).then(() => console.log('ready'));
