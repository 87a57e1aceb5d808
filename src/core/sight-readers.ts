import type { HeaderList } from './headers';
import { parseSecret, parseUrlOrHost } from './setting-values';
import type { Url } from './url';

/** It stands in a header field of a client's that has no rules for quoting (RFC 6750 section 2.1). */
export function parseToken(text: string): string | undefined {
  return /^[A-Za-z0-9\-._~+/]{16,}=*$/.test(text) ? text : undefined;
}

export function parseSearch(text: string): 'auto' | 'none' | Url | undefined {
  const word = text.toLowerCase();
  if (word === 'auto') return word;
  return word === 'none' || word === 'off' ? 'none' : parseUrlOrHost(text);
}

/** Names of fields (RFC 9110 section 5.6.2) with percent-encoded values, as W3C Baggage writes them (OpenTelemetry, "Specifying headers via environment variables"). */
export function parseFields(text: string): HeaderList | undefined {
  const fields = text.split(',').map((field) => {
    const [, name, value] = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(\S*)\s*$/.exec(field) ?? [];
    return name === undefined ? undefined : ([name.toLowerCase(), decoded(value)] as const);
  });
  const isField = (field: (typeof fields)[number]): field is readonly [string, string] =>
    field?.[1] !== undefined && /^[\x20-\x7e]*$/.test(field[1]);
  return fields.every(isField) ? fields : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Characters of a service's name at most. */
const MAX_LABEL = 200;

/** What people call a service. */
export function parseLabel(text: string): string | undefined {
  return text.length <= MAX_LABEL ? parseSecret(text) : undefined;
}

export function parseRatio(text: string): number | undefined {
  return /^(0(\.\d+)?|\.\d+|1(\.0+)?)$/.test(text) ? Number(text) : undefined;
}
