import { html, type Markup, trusted } from './html';
import { FAVICON_PATH } from './page-target';
import { SCRIPT } from './script';
import { BASE } from './style-base';
import { PARTS } from './style-parts';
import { linkTo, type View } from './view';

/** The one style sheet and the one script, as the policy of the page knows them. */
export const STYLE = BASE + PARTS;
export { SCRIPT } from './script';

export interface Content {
  readonly title: string;
  /** Parameters by which this page is found again in the other language. */
  readonly query: readonly (readonly [string, string])[];
  readonly main: Markup;
}

/** A whole document. */
export function drawDocument({ title, query, main }: Content, view: View): string {
  const { say } = view.speech;
  return html`<!DOCTYPE html>
<html lang="${say('lang')}">
<head>
<meta charset="utf-8">
<title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${FAVICON_PATH}" type="image/svg+xml">
<style>${trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">${say('skip')}</a>
<header><div class="wrap"><a class="brand" href="${linkTo(view)}"><img src="${FAVICON_PATH}" alt="" width="26" height="26">${say('product')}</a>
<div class="tools">${view.canLogIn && html`<a href="${linkTo(view, ['login', ''])}">${say('logIn')}</a>`}<nav aria-label="${say('languages')}">${drawLanguages(view, query)}</nav></div></div></header>
<main id="main" tabindex="-1"><div class="wrap">
${main}
</div></main>
<footer><div class="wrap"><p>${say('foot.docs')}</p></div></footer>
<p id="said" class="unseen" role="status" aria-live="polite" data-copied="${say('copied')}" data-failed="${say('copy.failed')}"></p>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.text;
}

/** A document that says nothing of what is here. */
export function drawNeutral(view: View): string {
  const { say } = view.speech;
  return html`<!DOCTYPE html>
<html lang="${say('lang')}">
<head>
<meta charset="utf-8">
<title>${view.host}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light dark">
<style>${trusted(STYLE)}</style>
</head>
<body><main class="wrap neutral"><h1 class="unseen">${view.host}</h1><p>${say('neutral')}</p>${
    view.canLogIn && html`<p><a href="${linkTo(view, ['login', ''])}">${say('logIn')}</a></p>`
  }</main></body>
</html>
`.text;
}

function drawLanguages({ speech }: View, query: Content['query']): readonly Markup[] {
  const tongues = [
    ['en', 'en', 'English'],
    ['zh', 'zh-CN', '中文'],
  ] as const;
  return tongues.map(([lang, tag, name]) => {
    const current = speech.language === lang && html` aria-current="true"`;
    return html`<a href="${linkTo({ lang }, ...query)}" lang="${tag}" hreflang="${tag}"${current}>${name}</a>`;
  });
}
