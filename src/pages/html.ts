/** HTML that is done: nothing in it is escaped again. Only `html` and `trusted` make it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand between the braces of a template. */
export type Part = Markup | string | number | undefined | false | readonly Part[];

/** A template of HTML. Texts become text, in an element as in a quoted attribute, whatever stands in them. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, next, index) => text + print(parts[index - 1]) + next));
}

/** Only for constants of ours: styles, scripts. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function print(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(print).join('');
  return escapeText(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Characters of markup as entities. Control characters, and those that turn the direction of writing (Unicode UAX 9), by
 * which a name would read as another one, become U+FFFD.
 */
export function escapeText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '\ufffd')
      .replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
  );
}
