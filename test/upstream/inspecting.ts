/** The image that a request target names where the page stands, empty for the state of the instance; else undefined. */
export function askedFor(target: string): string | undefined {
  const [, query] = /\/\?(.*)$/.exec(target) ?? [];
  return query === undefined ? undefined : (new URLSearchParams(query).get('image') ?? '');
}
