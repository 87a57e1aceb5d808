/** One element of the answers of S3: either text or other elements, as all of them are. */
export interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

/** Elements of one answer at most: a list of 1000 objects has about 10,000. */
const MAX_ELEMENTS = 50_000;

const MAX_DEPTH = 8;

const TOKEN =
  /<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)|<!--(?:[^-]|-(?!-))*-->/y;

const PROLOGUE = /^\ufeff?\s*(?:<\?xml[^?<>]*\?>)?\s*/;

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * The root element of a document of XML; undefined for what is none, and for all that such answers never hold: document types, whose
 * entities grow without limit, CDATA and instructions. Attributes are passed over. The text is of a limited size already.
 */
export function parseXml(text: string): Element | undefined {
  interface Open {
    readonly name: string;
    readonly children: Element[];
    text: string;
  }
  const top: Open = { name: '', text: '', children: [] };
  const open: Open[] = [top];
  let count = 0;
  TOKEN.lastIndex = PROLOGUE.exec(text)?.[0].length ?? 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (!match) return undefined;
    const [whole, slash, name, , isEmpty, characters] = match;
    const current = open[open.length - 1] as Open;
    if (characters !== undefined) {
      const decoded = decode(characters);
      if (decoded === undefined) return undefined;
      current.text += decoded;
    } else if (whole.startsWith('<!--')) continue;
    else if (slash) {
      if (current === top || name !== current.name || isEmpty) return undefined;
      open.pop();
    } else {
      count += 1;
      if (count > MAX_ELEMENTS || open.length > MAX_DEPTH) return undefined;
      const element: Open = { name: name as string, text: '', children: [] };
      current.children.push(element);
      if (!isEmpty) open.push(element);
    }
  }
  return open.length === 1 && top.children.length === 1 && top.text.trim() === '' ? top.children[0] : undefined;
}

export function childrenOf(element: Element | undefined, name: string): readonly Element[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** Of the first such child; undefined where there is none. */
export function textOf(element: Element | undefined, name: string): string | undefined {
  return childrenOf(element, name)[0]?.text;
}

function decode(text: string): string | undefined {
  let isRight = true;
  const decoded = text.replace(/&([^;&\s]{0,10};?)/g, (_, reference: string) => {
    const [, named, decimal, hex] = /^(?:([a-z]+)|#(\d+)|#x([0-9a-fA-F]+));$/.exec(reference) ?? [];
    const code = decimal ? Number(decimal) : Number.parseInt(hex ?? '', 16);
    const character = named ? NAMED[named] : code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    isRight &&= character !== undefined;
    return character ?? '';
  });
  return isRight ? decoded : undefined;
}

/** Text as it may stand in an element. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
