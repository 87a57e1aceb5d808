import type { SearchHit } from '../core/search';
import { html, type Markup } from './html';
import { printCount } from './speech';
import { linkTo, type View } from './view';

/** What a search has found, each a link to its image. */
export function drawSearch(view: View, term: string, hits: readonly SearchHit[]): Markup {
  const { say } = view.speech;
  return html`<section aria-labelledby="found"><h2 id="found">${say('search.title', { term })}</h2>
${
  hits.length === 0
    ? html`<p>${say('search.none')}</p>`
    : html`<ol class="hits">${hits.map((hit) => drawHit(hit, view))}</ol>`
}</section>`;
}

function drawHit({ name, description, stars, isOfficial }: SearchHit, view: View): Markup {
  const { say } = view.speech;
  return html`<li><a href="${linkTo(view, ['image', name])}">${name}</a>${
    isOfficial && html` <span class="badge">${say('search.official')}</span>`
  }<span class="stars aside">${say('search.stars', { count: printCount(stars) })}</span>${
    description !== '' && html`<p>${description}</p>`
  }</li>
`;
}
