import { isAllowedAddress, strangerError } from '../core/client-rules';
import type { Config, Upstream } from '../core/config';
import { answerError } from '../core/errors';
import { isWildcard } from '../core/registries-setting';
import { hrefOf } from '../core/url';
import type { Answer, RequestHead } from '../core/verbs';

/** Where platforms and load balancers ask whether we are alive. */
export const HEALTH = '/-/healthz';

/** Where Prometheus asks what has been done. */
export const METRICS = '/-/metrics';

/** @returns undefined where `/` is not ours, but the registry's */
export function welcomePage(head: RequestHead, config: Config): Answer | undefined {
  return config.browserRedirects ? undefined : guarded(head, config, () => plainPage(welcome(config)));
}

/** What only clients at allowed addresses get to see. */
export function guarded(head: RequestHead, config: Config, show: () => Answer): Answer {
  const isSeen = config.gate?.satisfy === 'any' || isAllowedAddress(head, config);
  return isSeen ? show() : answerError(strangerError());
}

export function plainPage(text: string): Answer {
  return {
    verb: 'answer',
    status: 200,
    headers: [
      ['content-type', 'text/plain; charset=utf-8'],
      ['cache-control', 'no-store'],
      ['x-content-type-options', 'nosniff'],
    ],
    body: text,
  };
}

function welcome({ gate, upstreams }: Config): string {
  // A name with `*` is at no one address.
  const place = ({ name, url }: Upstream) => (isWildcard(name) ? '' : ` (${hrefOf(url)})`);
  // Behind a gate they are none of a stranger's business.
  const shown = gate ? [] : upstreams;
  const registries = shown.map((upstream) => `  ${upstream.name}${place(upstream)}\n`).join('');
  return `registry-proxy-serverless: a proxy of container registries
${registries && `\n${registries}`}
Pull an image through it:       docker pull <this host>/<image>
Use it as a mirror (dockerd):   { "registry-mirrors": ["https://<this host>"] } in /etc/docker/daemon.json
`;
}
