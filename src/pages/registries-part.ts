import type { Config, Upstream } from '../core/config';
import { redactPlace } from '../core/redact';
import { isWildcard } from '../core/registries-setting';
import { upstreamOfHost } from '../core/upstreams';
import { html, type Markup } from './html';
import type { View } from './view';

/** Which registries this instance serves, and how their images are called behind it. A host may stand for one of them alone. */
export function drawRegistries({ speech: { say }, host, origin }: View, config: Config): Markup {
  const hosted = upstreamOfHost(origin.hostname, config);
  const upstreams = hosted ? [hosted] : config.upstreams;
  const called = ({ name }: Upstream, index: number) => (index === 0 ? `${host}/…` : `${host}/${name}/…`);
  // A name with `*` is at no one address.
  const place = ({ name, url }: Upstream) => (isWildcard(name) ? undefined : redactPlace(url));
  return html`<section aria-labelledby="registries"><h2 id="registries">${say('registries.title')}</h2><ul class="registries">
${upstreams.map(
  (upstream, index) => html`<li><strong>${upstream.name}</strong>${
    index === 0 && upstreams.length > 1 && html` <span class="badge">${say('registries.default')}</span>`
  }<code>${called(upstream, index)}</code><span class="aside">${place(upstream)}</span></li>
`,
)}</ul></section>`;
}
