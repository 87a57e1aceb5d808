import { isAllowedAddress, strangerError } from '../core/client-rules';
import type { Config, Upstream } from '../core/config';
import { answerError } from '../core/errors';
import { redactPlace } from '../core/redact';
import { isWildcard } from '../core/registries-setting';
import type { Answer, RequestHead } from '../core/verbs';

/** Where platforms and load balancers ask whether we are alive. */
export const HEALTH = '/-/healthz';

/** Where Prometheus asks what has been done. */
export const METRICS = '/-/metrics';

/**
 * What programs get where browsers get the landing page.
 * @param isGuest `ACCESS_SECRET` was shown
 */
export function welcomePage(config: Config, isGuest: boolean): Answer {
  return plainPage(welcome(config, isGuest));
}

/** What only clients at allowed addresses get to see. */
export function guarded(head: RequestHead, config: Config, show: () => Answer): Answer {
  return strangerAnswer(head, config) ?? show();
}

/** The answer to a client at an address that is not allowed; undefined for all others. */
export function strangerAnswer(head: RequestHead, config: Config): Answer | undefined {
  const isSeen = config.gate?.satisfy === 'any' || isAllowedAddress(head, config);
  return isSeen ? undefined : answerError(strangerError());
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

function welcome({ gate, upstreams }: Config, isGuest: boolean): string {
  // A name with `*` is at no one address.
  const place = ({ name, url }: Upstream) => (isWildcard(name) ? '' : ` (${redactPlace(url)})`);
  // Behind a gate they are none of a stranger's business.
  const shown = gate && !isGuest ? [] : upstreams;
  const registries = shown.map((upstream) => `  ${upstream.name}${place(upstream)}\n`).join('');
  return `registry-proxy-serverless: a proxy of container registries
${registries && `\n${registries}`}
Pull an image through it:       docker pull <this host>/<image>
Use it as a mirror (dockerd):   { "registry-mirrors": ["https://<this host>"] } in /etc/docker/daemon.json
`;
}
