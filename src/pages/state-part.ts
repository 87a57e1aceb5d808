import type { PageState } from '../core/inspect/state';
import { html, type Markup } from './html';
import { printSize } from './measures';
import { bar } from './parts';
import { printCount, type Speech } from './speech';

/** How full the cache is and how often it helps, and how many pulls registries leave us. */
export function drawState({ cache, quotas }: PageState, speech: Speech): Markup {
  const { say } = speech;
  if (!cache && quotas.length === 0) return html``;
  return html`<section aria-labelledby="state"><h2 id="state">${say('state.title')}</h2><dl class="gauges">
${cache && drawCache(cache, speech)}
${quotas.map(
  ({ registry, account, remaining, limit }) => html`<div><dt>${say('state.quota', { registry })}</dt>
<dd><strong>${limit === undefined ? printCount(remaining) : say('state.quota.of', { left: printCount(remaining), limit: printCount(limit) })}</strong>${limit !== undefined && bar(remaining, limit)}
<span class="aside">${account === 'anonymous' ? say('state.account.anonymous') : say('state.account.number', { number: account })}</span></dd></div>
`,
)}</dl></section>`;
}

function drawCache(cache: NonNullable<PageState['cache']>, { say }: Speech): Markup {
  const { entries, bytes, maxBytes, hits, misses } = cache;
  const asked = hits + misses;
  const used = bytes === undefined ? undefined : printSize(bytes);
  return html`<div><dt>${say('state.cache')}</dt>
<dd>${used !== undefined && html`<strong>${maxBytes === undefined ? say('state.cache.bytes', { bytes: used }) : say('state.cache.used', { bytes: used, limit: printSize(maxBytes) })}</strong>`}${
    bytes !== undefined && maxBytes !== undefined && bar(bytes, maxBytes)
  }
<span class="aside">${asked === 0 ? say('state.cache.idle') : say('state.cache.rate', { percent: Math.round((hits / asked) * 100), count: printCount(asked) })}</span>${
    entries !== undefined &&
    html` <span class="aside">${say('state.cache.entries', { count: printCount(entries) })}</span>`
  }</dd></div>`;
}
