import type { ImageReport, PlatformReport } from './contract';
import { html, type Markup } from './html';
import { printAge, printSize } from './measures';
import { bar, copyButton, shortDigest } from './parts';
import type { Speech } from './speech';
import type { View } from './view';

/** What is in an image: the whole, then each platform with its layers. */
export function drawImage(report: ImageReport, { speech, now }: View): Markup {
  const { say, count } = speech;
  const [only] = report.platforms;
  const single = report.platforms.length === 1 && report.omitted === 0 ? only : undefined;
  return html`<section aria-labelledby="about"><h2 id="about" class="name">${report.image}</h2>
<dl class="facts">
<div><dt>${say('image.registry')}</dt><dd>${report.registry}</dd></div>
<div><dt>${say('image.kind')}</dt><dd>${kindOf(report, speech)}</dd></div>
${single && html`<div><dt>${say('image.size')}</dt><dd>${printSize(single.size)}</dd></div>`}
${single?.created !== undefined && html`<div><dt>${say('image.age')}</dt><dd>${age(single.created, now, speech)}</dd></div>`}
<div class="wide"><dt>${say('image.digest')}</dt><dd><code id="digest">${report.digest}</code>${copyButton('digest', say('copy.digest'), speech)}</dd></div>
</dl></section>
${
  report.platforms.length > 0 &&
  html`<section aria-labelledby="platforms"><h2 id="platforms">${say(single ? 'platforms.one' : 'platforms.title')}</h2>
${report.platforms.map((platform, index) => drawPlatform(platform, index, { speech, now, isOpen: platform === chosen(report) }))}
${report.omitted > 0 && html`<p class="aside">${count('platforms.omitted', report.omitted)}</p>`}
<p class="aside">${say('sizes.note')}</p></section>`
}`;
}

/** The one that is open at first: what most of them run. */
function chosen({ platforms }: ImageReport): PlatformReport | undefined {
  return platforms.find(({ platform }) => platform === 'linux/amd64') ?? platforms[0];
}

function kindOf({ kind, mediaType, platforms, omitted }: ImageReport, { say }: Speech): string {
  switch (kind) {
    case 'index':
      return say('kind.index', { count: platforms.length + omitted });
    case 'image':
      return say('kind.image');
    case 'artifact':
      return say('kind.artifact', { type: mediaType });
  }
}

interface Around {
  readonly speech: Speech;
  readonly now: number;
  readonly isOpen: boolean;
}

function drawPlatform(report: PlatformReport, index: number, { speech, now, isOpen }: Around): Markup {
  const { say, count } = speech;
  const { platform, digest, size, created, layers } = report;
  const name = platform || say('platform.unknown');
  const id = `platform-${index}`;
  return html`<details class="platform"${isOpen && html` open`}><summary><span class="name">${name}</span><span>${printSize(size)}</span><span>${count('platform.layers', layers.length)}</span><span>${created !== undefined && age(created, now, speech)}</span></summary>
<div class="inside"><p class="own">${say('platform.digest')}<br><code id="${id}">${digest}</code>${copyButton(id, say('copy.digest'), speech)}</p>
${layers.length > 0 && drawLayers(report, name, speech)}</div></details>
`;
}

function drawLayers({ layers }: PlatformReport, name: string, { say }: Speech): Markup {
  const largest = Math.max(...layers.map(({ size }) => size));
  const rows = layers.map(
    ({ digest, size, mediaType, createdBy }, index) =>
      html`<tr><td>${index + 1}</td><td class="size">${printSize(size)}${bar(size, largest)}</td><td>${
        createdBy ? html`<code class="made">${createdBy}</code>` : html`<span class="aside">${mediaType}</span>`
      }${shortDigest(digest)}</td></tr>
`,
  );
  return html`<table><caption class="unseen">${say('layers.of', { platform: name })}</caption><thead><tr><th scope="col">${say('layer.number')}</th><th scope="col">${say('layer.size')}</th><th scope="col">${say('layer.content')}</th></tr></thead><tbody>
${rows}</tbody></table>`;
}

function age(created: string, now: number, speech: Speech): Markup {
  const moment = Date.parse(created);
  if (Number.isNaN(moment)) return html``;
  const day = new Date(moment).toISOString();
  return html`<time datetime="${day}" title="${day.slice(0, 10)}">${printAge(moment, now, speech)}</time>`;
}
