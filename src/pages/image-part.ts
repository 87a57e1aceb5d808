import type { ImageReport, PlatformReport } from '../core/inspect/report';
import { html, type Markup } from './html';
import { printAge, printSize } from './measures';
import { bar, copyButton, shortDigest } from './parts';
import type { Speech } from './speech';
import type { View } from './view';

/** What is said of an image as a whole. */
export function drawImage(report: ImageReport, { speech, now }: View): Markup {
  const { say } = speech;
  const single = singleOf(report);
  return html`<section aria-labelledby="about"><h2 id="about" class="name">${report.image}</h2>
<dl class="facts">
<div><dt>${say('image.registry')}</dt><dd>${report.registry}</dd></div>
<div><dt>${say('image.repository')}</dt><dd>${report.repository}</dd></div>
<div><dt>${say('image.kind')}</dt><dd>${kindOf(report, speech)}</dd></div>
${single && html`<div><dt>${say('image.size')}</dt><dd>${printSize(single.size)}</dd></div>`}
${single?.created !== undefined && html`<div><dt>${say('image.age')}</dt><dd>${age(single.created, now, speech)}</dd></div>`}
<div class="wide"><dt>${say('image.digest')}</dt><dd><code id="digest">${report.digest}</code>${copyButton('digest', say('copy.digest'), speech)}</dd></div>
</dl></section>`;
}

/** Its platforms, each with its layers. */
export function drawPlatforms(report: ImageReport, { speech, now }: View): Markup {
  const { say, count } = speech;
  if (report.platforms.length === 0) return html``;
  return html`<section aria-labelledby="platforms"><h2 id="platforms">${say(singleOf(report) ? 'platforms.one' : 'platforms.title')}</h2>
${report.platforms.map((platform, index) => drawPlatform(platform, index, { speech, now, isOpen: platform === chosen(report), isOwn: platform.digest !== report.digest }))}
${report.omitted > 0 && html`<p class="aside">${count('platforms.omitted', report.omitted)}${report.others.length > 0 && ` (${report.others.join(', ')})`}</p>`}
<p class="aside">${say('sizes.note')}</p></section>`;
}

function singleOf({ platforms, omitted }: ImageReport): PlatformReport | undefined {
  return platforms.length === 1 && omitted === 0 ? platforms[0] : undefined;
}

/** The one that is open at first: what most of them run. */
function chosen({ platforms }: ImageReport): PlatformReport | undefined {
  return platforms.find(({ platform }) => platform === 'linux/amd64') ?? platforms[0];
}

function kindOf({ kind, mediaType, artifactType, platforms, omitted }: ImageReport, { say }: Speech): string {
  switch (kind) {
    case 'index':
      return say('kind.index', { count: platforms.length + omitted });
    case 'image':
      return say('kind.image');
    case 'artifact':
      return say('kind.artifact', { type: artifactType ?? mediaType });
  }
}

interface Around {
  readonly speech: Speech;
  readonly now: number;
  readonly isOpen: boolean;
  /** Its digest is another one than that of the whole. */
  readonly isOwn: boolean;
}

function drawPlatform(report: PlatformReport, index: number, { speech, now, isOpen, isOwn }: Around): Markup {
  const { say, count } = speech;
  const { platform, digest, size, created, layers, omittedLayers = 0 } = report;
  const name = platform || say('platform.unknown');
  const id = `platform-${index}`;
  return html`<details class="platform"${isOpen && html` open`}><summary><span class="name">${name}</span><span>${printSize(size)}</span><span>${count('platform.layers', layers.length + omittedLayers)}</span><span>${created !== undefined && age(created, now, speech)}</span></summary>
<div class="inside">${isOwn && html`<p class="own">${say('platform.digest')}<br><code id="${id}">${digest}</code>${copyButton(id, say('copy.digest'), speech)}</p>`}
${layers.length > 0 && drawLayers(report, name, speech)}${omittedLayers > 0 && html`<p class="aside">${count('layers.omitted', omittedLayers)}</p>`}</div></details>
`;
}

function drawLayers({ layers }: PlatformReport, name: string, { say }: Speech): Markup {
  const largest = Math.max(...layers.map(({ size }) => size));
  const rows = layers.map(
    ({ digest, size, mediaType, createdBy }, index) =>
      html`<tr><td>${index + 1}</td><td class="size">${printSize(size)}${bar(size, largest)}</td><td>${
        createdBy ? drawCommand(createdBy) : html`<span class="aside">${mediaType}</span>`
      }${shortDigest(digest)}</td></tr>
`,
  );
  return html`<table><caption class="unseen">${say('layers.of', { platform: name })}</caption><thead><tr><th scope="col">${say('layer.number')}</th><th scope="col">${say('layer.size')}</th><th scope="col">${say('layer.content')}</th></tr></thead><tbody>
${rows}</tbody></table>`;
}

/** Characters of a command that are seen at once; a build may have written a whole script there. */
const SEEN_COMMAND = 200;

function drawCommand(text: string): Markup {
  if (text.length <= SEEN_COMMAND) return html`<code class="made">${text}</code>`;
  return html`<details class="long"><summary><code class="made">${text.slice(0, SEEN_COMMAND / 2).trimEnd()} …</code></summary><code class="made">${text}</code></details>`;
}

function age(created: string, now: number, speech: Speech): Markup {
  const moment = Date.parse(created);
  if (Number.isNaN(moment)) return html``;
  const day = new Date(moment).toISOString();
  return html`<time datetime="${day}" title="${day.slice(0, 10)}">${printAge(moment, now, speech)}</time>`;
}
