/**
 * Queries are edited parameter by parameter and otherwise kept as they came: `_state=` of an upload and the signature
 * of a storage URL do not survive being decoded and written anew.
 */
export type Query = string;

interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly raw: string;
}

/** Splits `?a=b&c` into parameters; a malformed percent-encoding leaves the text as it is. */
function parameters(query: Query): Parameter[] {
  const text = query.replace(/^\?/, '');
  if (text === '') return [];
  return text.split('&').map((raw) => {
    const [name, ...value] = raw.split('=');
    return { name: decode(name), value: decode(value.join('=')), raw };
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    return text;
  }
}

export function valuesOf(query: Query, name: string): string[] {
  return parameters(query)
    .filter((parameter) => parameter.name === name)
    .map((parameter) => parameter.value);
}

export function withoutParameters(query: Query, ...names: string[]): Query {
  return print(
    parameters(query)
      .filter((parameter) => !names.includes(parameter.name))
      .map(({ raw }) => raw),
  );
}

/** Replaces the values of one parameter by what `edit` makes of them; the others keep their bytes. */
export function editParameter(query: Query, name: string, edit: (value: string) => string): Query {
  return print(
    parameters(query).map((parameter) =>
      parameter.name === name ? `${name}=${encodeURIComponent(edit(parameter.value))}` : parameter.raw,
    ),
  );
}

export function joinQueries(...queries: Query[]): Query {
  return print(queries.map((query) => query.replace(/^\?/, '')).filter(Boolean));
}

/** A query of these parameters, encoded. */
export function printQuery(pairs: readonly (readonly [string, string])[]): Query {
  return print(pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`));
}

/** Only the parameters that `isKept` names, for a log line; of the others not even a name is shown that has no value. */
export function redactQuery(query: Query, isKept: (name: string) => boolean): Query {
  return print(
    parameters(query).map(({ name, raw }) => {
      if (isKept(name)) return raw;
      return raw.includes('=') ? `${encodeURIComponent(name)}=REDACTED` : 'REDACTED';
    }),
  );
}

function print(parts: readonly string[]): Query {
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}
