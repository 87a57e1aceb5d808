import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, type RunningServer, startSilentServer } from './processes';
import type { Stage } from './stage';

/**
 * nginx with one worker and without buffering; undefined where it is not installed.
 * @param authorization shown to the backend with every request
 */
export async function startNginx(
  stage: Stage,
  backend: string,
  authorization?: string,
): Promise<RunningServer | undefined> {
  const command = findProgram('nginx');
  if (command === undefined) return undefined;
  const port = await freePort();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((use) => `${use}_temp_path ${stage.folder};`);
  writeFileSync(
    join(stage.folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${stage.folder}/nginx.pid; error_log stderr error;
events {}
http {
  access_log off; ${paths.join(' ')}
  keepalive_requests 10000000;
  upstream registry { server ${new URL(backend).host}; keepalive 64; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass https://registry;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${authorization === undefined ? '' : `proxy_set_header Authorization "${authorization}";`}
      proxy_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 4 64k;
      proxy_busy_buffers_size 128k;
      proxy_ssl_name localhost;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${stage.authority};
    }
  }
}
`,
  );
  return startSilentServer({
    command,
    args: ['-p', stage.folder, '-c', 'nginx.conf'],
    env: {},
    cwd: stage.folder,
    ping: `http://127.0.0.1:${port}/v2/`,
  });
}
