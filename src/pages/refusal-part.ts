import type { Refusal } from '../core/inspect/report';
import { html, type Markup } from './html';
import { printWait } from './measures';
import type { Speech } from './speech';
import { linkTo, type View } from './view';

type Kind = 'name' | 'search' | 'missing' | 'registry' | 'login' | 'denied' | 'limit' | 'upstream' | 'other';

/** What was asked for. */
export interface Asked {
  readonly kind: 'image' | 'search' | 'other';
  readonly text: string;
}

/** Why there is nothing to show, in plain words, and what to do. */
export function drawRefusal(refusal: Refusal, view: View, { kind: asked, text: typed }: Asked): Markup {
  const { status, code, message } = refusal;
  const { say } = view.speech;
  const kind = asked === 'search' && (status === 400 || status === 404) ? 'search' : kindOf(refusal);
  const isSearched = view.canSearch && asked === 'image' && (kind === 'name' || kind === 'missing' || kind === 'login');
  return html`<section class="refusal" role="alert" aria-labelledby="refused"><h2 id="refused">${say(`refused.${kind}.title`)}</h2>
<p>${helpWith(kind, refusal, view.speech)}</p>
${kind === 'login' && asked === 'image' && refusal.challenge === undefined && view.takesLogins && html`<p><a href="${linkTo(view, ['image', typed], ['login', ''])}" rel="nofollow">${say('refused.login.link')}</a></p>`}
${isSearched && html`<p><a href="${linkTo(view, ['search', typed])}">${say('search.instead', { term: typed })}</a></p>`}
<p class="aside">${say('refused.said', { status, code, message })}</p></section>`;
}

function helpWith(kind: Kind, { challenge, retryAfter }: Refusal, speech: Speech): string {
  const { say } = speech;
  if (kind === 'login' && challenge === undefined) return say('refused.login.none');
  const help = say(`refused.${kind}.help`);
  if (kind !== 'limit') return help;
  const time = printWait(retryAfter, speech);
  const more = time === undefined ? say('refused.limit.later') : say('refused.limit.after', { time });
  return [help, more].join(speech.language === 'zh' ? '' : ' ');
}

function kindOf({ status, code }: Refusal): Kind {
  if (status === 400) return 'name';
  if (status === 401) return 'login';
  if (status === 403 || status === 451) return 'denied';
  if (status === 404) return code === 'NAME_UNKNOWN' ? 'registry' : 'missing';
  if (status === 429) return 'limit';
  return status >= 500 ? 'upstream' : 'other';
}
