import type { Guide, GuideStep } from './contract';
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
  return html`<input type="radio" name="client" id="as-${client}"${index === 0 && html` checked`}><label for="as-${client}">${name}</label>
<div class="panel"><h3>${name}</h3><p>${speech.say(`about.${client}`)}</p>${steps.map((step, count) =>
    drawStep(step, `${client}-${count}`, speech),
  )}</div>
`;
}

function drawStep({ kind, path = '', text }: GuideStep, id: string, speech: Speech): Markup {
  const isFile = kind === 'file';
  const title = isFile ? speech.say('step.file', { path }) : speech.say('step.command');
  const label = isFile ? speech.say('copy.file', { path }) : speech.say('copy.command');
  return html`<figure class="code ${kind}"><figcaption><span>${title}</span>${copyButton(id, label, speech)}</figcaption><pre tabindex="0"><code id="${id}">${text}</code></pre></figure>`;
}
