import { html, type Markup } from './html';
import type { View } from './view';

/** Where a name is typed. It is a form of its own page, so that it works without a script. */
export function drawBox({ speech: { say }, lang, canSearch }: View, typed: string): Markup {
  return html`<form class="box" method="get" role="search" data-busy="${say('box.busy')}">
<label for="image">${say('box.label')}</label>
<div class="line"><input id="image" name="image" type="text" value="${typed}" placeholder="${say('box.example')}" required maxlength="1000" autocomplete="off" autocapitalize="none" autocorrect="off" spellcheck="false" enterkeyhint="go">
<button class="main" type="submit">${say('box.look')}</button>${
    canSearch && html`<button type="submit" name="search" value="">${say('box.search')}</button>`
  }</div>${lang !== undefined && html`<input type="hidden" name="lang" value="${lang}">`}
</form>`;
}
