import type { Guide, GuideStep } from '../core/inspect/guides';
import { html, type Markup } from './html';
import { copyButton } from './parts';
import type { Speech } from './speech';
import type { View } from './view';

/** How each client pulls, one of them seen at a time: choices need no script. */
export function drawGuides({ speech }: View, guides: readonly Guide[], title: string): Markup {
  if (guides.length === 0) return html``;
  return html`<section aria-labelledby="guides"><h2 id="guides">${title}</h2>
<fieldset class="tabs"><legend class="aside">${speech.say('guides.client')}</legend>
${guides.map((guide, index) => drawGuide(guide, index, speech))}</fieldset></section>`;
}

function drawGuide({ client, steps }: Guide, index: number, speech: Speech): Markup {
  const name = speech.say(`client.${client}`);
  const capitals = capitalsOf(steps);
  return html`<input type="radio" name="client" id="as-${client}"${index === 0 && html` checked`}><label for="as-${client}">${name}</label>
<div class="panel"><h3>${name}</h3><p>${speech.say(`about.${client}`)}</p>${
    capitals.length > 0 && html`<p class="aside">${speech.say('guides.capitals', { words: capitals.join(', ') })}</p>`
  }${steps.map((step, count) => drawStep(step, `${client}-${count}`, speech))}</div>
`;
}

function drawStep({ kind, path = '', text }: GuideStep, id: string, speech: Speech): Markup {
  const { say } = speech;
  const code = html`<pre tabindex="0"><code id="${id}">${text}</code></pre>`;
  if (kind === 'command')
    return html`<div class="code command">${code}${copyButton(id, say('copy.command'), speech)}</div>`;
  return html`<figure class="code"><figcaption><span>${say('step.file', { path })}</span>${copyButton(id, say('copy.file', { path }), speech)}</figcaption>${code}</figure>`;
}

/** Words that a reader replaces, in the order they come. */
const CAPITALS = /\b(?:SECRET|USER|PASSWORD|REGISTRY|REPOSITORY|TAG|BASE64-OF-USER:PASSWORD)\b/g;

function capitalsOf(steps: readonly GuideStep[]): readonly string[] {
  return [...new Set(steps.flatMap(({ text }) => text.match(CAPITALS) ?? []))];
}
