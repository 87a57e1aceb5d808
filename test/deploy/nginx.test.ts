import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/core/config';
import { root } from '../tools/sources';
import { readDeploy } from './manifests';

/** That they work is shown by test/e2e/nginx.e2e.ts; these are the words without which they seem to. */
const nginx = readDeploy('nginx/registry-proxy.conf');
const caddy = readDeploy('nginx/Caddyfile');
const said = (word: string) => new RegExp(`^\\s*${word} ([^;]+);$`, 'm').exec(nginx)?.[1];
const { client, response, shutdown } = readConfig({}).timeouts;

describe('nginx in front', () => {
  test('neither limits nor buffers bodies', () => {
    expect(['client_max_body_size', 'proxy_buffering', 'proxy_request_buffering', 'gzip'].map(said)).toEqual([
      '0',
      'off',
      'off',
      'off',
    ]);
  });

  test('waits longer than the proxy does', () => {
    for (const word of ['proxy_read_timeout', 'proxy_send_timeout']) {
      expect(Number.parseInt(said(word) ?? '', 10) * 1000).toBeGreaterThan(Math.max(client, response, shutdown));
    }
  });

  test('says itself how it was called, and passes nothing on that clients say of it', () => {
    const fields = Object.fromEntries([...nginx.matchAll(/proxy_set_header (\S+) (\S+);/g)].map(([, ...pair]) => pair));
    expect(fields).toEqual({
      Connection: '""',
      Host: '$http_host',
      'X-Forwarded-Proto': '$scheme',
      'X-Forwarded-For': '$remote_addr',
      'X-Forwarded-Host': '""',
      'X-Forwarded-Port': '""',
    });
  });

  test('sends no request twice, and finds the proxy on its port', () => {
    expect(said('proxy_next_upstream')).toBe('off');
    expect(nginx).toContain(`server 127.0.0.1:${readConfig({}).port};`);
  });

  test('is in one file, and nginx alone in another', () => {
    expect(readFileSync(join(root, 'docs/nginx.conf'), 'utf8')).not.toContain('registry_proxy');
    expect(nginx).not.toContain('registry-1.docker.io');
  });
});

describe('Caddy in front', () => {
  test('finds the proxy on its port, and passes nothing on that clients say of the address', () => {
    expect(caddy).toContain(`reverse_proxy 127.0.0.1:${readConfig({}).port} {`);
    expect([...caddy.matchAll(/header_up -(\S+)/g)].map(([, name]) => name)).toEqual([
      'X-Forwarded-Host',
      'X-Forwarded-Port',
    ]);
  });

  test('lets a client that leaves end what is fetched for it', () => {
    expect(/flush_interval (\S+)/.exec(caddy)?.[1]).not.toBe('-1');
  });
});
