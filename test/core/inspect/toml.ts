type Table = { [key: string]: unknown };

/**
 * Reads the part of TOML that guides are written in: tables, arrays of tables, and keys with a text, true, or a list of texts.
 * Throws for every line that is anything else, and for a key or table that is there twice, as parsers do.
 */
export function readToml(text: string): Table {
  const root: Table = {};
  let table = root;
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const array = /^\[\[(.+)\]\]$/.exec(line);
    const plain = array ? null : /^\[(.+)\]$/.exec(line);
    const pair = /^([\w-]+) = (.+)$/.exec(line);
    if (array) table = append(root, keysOf(array[1] as string));
    else if (plain) table = open(root, keysOf(plain[1] as string));
    else if (pair) define(table, pair[1] as string, JSON.parse(pair[2] as string));
    else throw new Error(`no TOML: ${line}`);
  }
  return root;
}

/** `registry."docker.io".mirror` */
function keysOf(path: string): string[] {
  const keys = [...path.matchAll(/(?:^|\.)(?:"([^"]*)"|([\w-]+))/g)].map(
    ([, quoted, bare]) => (quoted ?? bare) as string,
  );
  const printed = keys.map((key) => (path.includes(`"${key}"`) ? `"${key}"` : key)).join('.');
  if (printed !== path) throw new Error(`no key of TOML: ${path}`);
  return keys;
}

function descend(root: Table, keys: readonly string[]): Table {
  return keys.reduce<Table>((table, key) => {
    table[key] ??= {};
    const value = table[key];
    return (Array.isArray(value) ? value.at(-1) : value) as Table;
  }, root);
}

function append(root: Table, keys: readonly string[]): Table {
  const parent = descend(root, keys.slice(0, -1));
  const key = keys.at(-1) as string;
  const made: Table = {};
  parent[key] ??= [];
  (parent[key] as Table[]).push(made);
  return made;
}

function open(root: Table, keys: readonly string[]): Table {
  const parent = descend(root, keys.slice(0, -1));
  return define(parent, keys.at(-1) as string, {}) as Table;
}

function define(table: Table, key: string, value: unknown): unknown {
  if (Object.hasOwn(table, key)) throw new Error(`${key} is there twice`);
  table[key] = value;
  return value;
}
