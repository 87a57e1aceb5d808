/** One bar: whose figure it is, the figure, and how it is written. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  /** The proxy's own, which stands out. */
  readonly own?: boolean;
}

/** Bars that share a scale. */
export interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Plot {
  readonly title: string;
  /** How it was measured, in one line. */
  readonly note: string;
  readonly groups: readonly Group[];
}

const WIDTH = 760;
const MARGIN = 20;
const LABELS = 200;
/** What is written behind the longest bar. */
const VALUES = 110;
const START = MARGIN + LABELS;
const SCALE = WIDTH - START - VALUES - MARGIN;
const BAR = 18;
const ROW = 26;
/** A bar of nothing is still to be seen. */
const LEAST = 2;

const FONT =
  "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif";

/** Text has a contrast of 4.5 to its ground in both themes, and a bar one of 3 (WCAG 2.2, 1.4.3 and 1.4.11). */
const STYLE = `
    .ground { fill: #ffffff; stroke: #d0d7de }
    .title { font-size: 18px; font-weight: 600; fill: #1f2328 }
    .group { font-size: 15px; font-weight: 600; fill: #1f2328 }
    .label, .value { font-size: 14px; fill: #1f2328 }
    .note { font-size: 13px; fill: #59636e }
    .own { font-weight: 600 }
    .bar { fill: #818b98 }
    .bar.own { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #3d444d }
      .title, .group, .label, .value { fill: #f0f6fc }
      .note { fill: #9198a1 }
      .bar { fill: #7d8590 }
      .bar.own { fill: #4493f8 }
    }`;

/** The plot as an SVG image of its own, which is the same for the same plot. */
export function renderPlot(plot: Plot): string {
  const parts = [`<text class="title" x="${MARGIN}" y="34">${escapeText(plot.title)}</text>`];
  let y = 44;
  for (const group of plot.groups) {
    parts.push(`<text class="group" x="${MARGIN}" y="${y + 24}">${escapeText(group.title)}</text>`);
    y += 36;
    const most = Math.max(...group.bars.map(({ value }) => value));
    for (const bar of group.bars) {
      parts.push(renderBar(bar, y, most));
      y += ROW;
    }
    y += 8;
  }
  const height = y + 34;
  parts.push(`<text class="note" x="${MARGIN}" y="${height - 18}">${escapeText(plot.note)}</text>`);
  const says = plot.groups.map(
    ({ title, bars }) => `${title}: ${bars.map(({ label, text }) => `${label} ${text}`).join(', ')}.`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title says" font-family="${FONT}">
  <title id="title">${escapeText(plot.title)}</title>
  <desc id="says">${escapeText(says.join(' '))}</desc>
  <style>${STYLE}
  </style>
  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>
  ${parts.join('\n  ')}
</svg>
`;
}

function renderBar({ label, value, text, own }: Bar, y: number, most: number): string {
  const width = most === 0 ? LEAST : Math.max(LEAST, (value / most) * SCALE);
  const middle = y + 14;
  const mark = own ? ' own' : '';
  return [
    `<text class="label${mark}" x="${START - 10}" y="${middle}" text-anchor="end">${escapeText(label)}</text>`,
    `<rect class="bar${mark}" x="${START}" y="${y}" width="${Number(width.toFixed(1))}" height="${BAR}" rx="2"/>`,
    `<text class="value${mark}" x="${Number((START + width + 8).toFixed(1))}" y="${middle}">${escapeText(text)}</text>`,
  ].join('\n  ');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
