import { html, type Markup } from './html';
import type { Speech } from './speech';

/** A button that copies the text of the element with this id. It is shown by the script, without which it can do nothing. */
export function copyButton(id: string, label: string, { say }: Speech): Markup {
  return html`<button type="button" class="copy" hidden data-copy="${id}" aria-label="${label}"><svg aria-hidden="true" viewBox="0 0 16 16"><path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z"/></svg><span>${say('copy')}</span></button>`;
}

/** How much of a whole: drawn, since the policy of the page lets no style stand in an element. */
export function bar(part: number, whole: number): Markup {
  const width = whole > 0 ? Math.min(Math.max((part / whole) * 100, part > 0 ? 0.8 : 0), 100) : 0;
  return html`<svg class="bar" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" width="100" height="2"/><rect width="${width.toFixed(1)}" height="2"/></svg>`;
}

/** A digest that people compare by its first characters, and programs take whole. */
export function shortDigest(digest: string): Markup {
  const [algorithm, hash = ''] = digest.split(':');
  return html`<code class="digest" title="${digest}">${algorithm}:${hash.slice(0, 12)}<span aria-hidden="true">…</span></code>`;
}
