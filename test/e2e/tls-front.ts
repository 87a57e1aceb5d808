import { proxies, proxyAddress, workerPorts } from './addresses';

/** The simplest TLS front of every proxy, as an nginx configuration: what a platform's gateway does. */
export function frontConfiguration(folder: string): string {
  const servers = Object.entries(proxies).map(
    ([name, port]) => `
    server {
      listen ${proxyAddress}:443 ssl;
      server_name ${name} *.${name};
      location / { proxy_pass ${workerPorts.has(port) ? 'https' : 'http'}://127.0.0.1:${port}; }
    }`,
  );
  return `daemon off;
  pid ${folder}/nginx.pid;
  user root;
  worker_processes 1;
  events {}
  http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/tmp/${kind};`).join('\n')}
    ssl_certificate ${folder}/hosts.crt;
    ssl_certificate_key ${folder}/hosts.key;
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout 900;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header CF-Connecting-IP $remote_addr;
    ${servers.join('\n')}
  }
  `;
}
