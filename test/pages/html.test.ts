import { escapeText, html, Markup, trusted } from '../../src/pages/html';

/** Texts that would be markup, or read as something else, if they came through. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onfocus='alert(1)",
  '</title><svg onload=alert(1)>',
  '&lt;b&gt;',
  '`;alert(1)//',
];

describe('html', () => {
  test.each(HOSTILE)('makes text of %s, in an element as in an attribute', (text) => {
    const made = html`<p title="${text}">${text}</p>`.text;
    const [, inside] = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/.exec(made)?.slice(1) ?? [];
    expect(inside?.replace(/&(?!(amp|lt|gt|quot|#39);)/g, '!')).toBe(inside);
    expect(meantBy(inside ?? '')).toBe(text);
  });

  test('takes what it made itself as it is, also in lists, and leaves out what is not there', () => {
    expect(html`<ul>${['a', '<'].map((each) => html`<li>${each}</li>`)}${undefined}${false}${0}</ul>`.text).toBe(
      '<ul><li>a</li><li>&lt;</li>0</ul>',
    );
    expect(html`<b>${trusted('<i></i>')}</b>`.text).toBe('<b><i></i></b>');
  });

  test('is not fooled by what only looks like markup', () => {
    const answer = JSON.parse('{"text":"<script>"}');
    expect(html`${answer}`.text).toBe('[object Object]');
    expect(answer).not.toBeInstanceOf(Markup);
  });

  test.each([
    ['\u202egnp.exe', '\ufffdgnp.exe'],
    ['a\u2066b\u2069', 'a\ufffdb\ufffd'],
    ['a\u0000\u001b[31m', 'a\ufffd\ufffd[31m'],
    ['two\nlines\tand a tab', 'two\nlines\tand a tab'],
  ])('shows no character that changes how others read: %j', (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });
});

function meantBy(text: string): string {
  const meant: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => meant[name] as string);
}
