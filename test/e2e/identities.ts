import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Authority, createAuthority } from '../upstream/certificates';
import { addresses, proxies, proxyAddress } from './addresses';

/** An authority of the world's own, and certificates of it for every host and for the token servers' signatures. */
export async function writeIdentities(folder: string): Promise<Authority> {
  const authority = await createAuthority();
  const hosts = await authority.issue([
    ...Object.keys(addresses),
    ...Object.keys(proxies).flatMap((name) => [name, `*.${name}`]),
    proxyAddress,
  ]);
  const tokens = await authority.issue(['tokens']);
  const files = {
    'ca.pem': authority.cert,
    'hosts.crt': hosts.cert,
    'hosts.key': hosts.key,
    'tokens.crt': tokens.cert,
    'tokens.key': tokens.key,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return authority;
}

/** The names of the world, as /etc/hosts has them. */
export function writeHosts(folder: string): void {
  const lines = [
    '127.0.0.1 localhost',
    ...Object.entries(addresses).map(([host, address]) => `${address} ${host}`),
    ...Object.keys(proxies).map((name) => `${proxyAddress} ${name}`),
  ];
  writeFileSync(join(folder, 'hosts'), `${lines.join('\n')}\n`);
}
