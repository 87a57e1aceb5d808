import type { Place } from './location';
import { nameForClients } from './names';
import type { ResponseHead } from './verbs';

/**
 * What has to change in a list's JSON so that `REPO_PREFIX` stays invisible: the `name` in tags/list, and the repositories
 * in _catalog, of which those outside the prefix are nobody's business. Undefined where nothing has to.
 */
export function listEdit(head: ResponseHead, { route }: Place): ((text: string) => string) | undefined {
  const { kind, upstream, typed } = route;
  if (upstream.prefix === '' || head.status !== 200) return undefined;
  if (kind === 'tags') return (text) => editJson(text, (list) => ({ ...list, name: typed }));
  if (kind !== 'catalog') return undefined;
  const own = (name: unknown) => (typeof name === 'string' ? (nameForClients(name, upstream) ?? []) : []);
  return (text) => editJson(text, (list) => ({ ...list, repositories: [list.repositories].flat().flatMap(own) }));
}

/** @throws SyntaxError for what is no JSON object: a list that cannot be read cannot be cleaned of the prefix either */
function editJson(text: string, edit: (list: Record<string, unknown>) => object): string {
  return `${JSON.stringify(edit(JSON.parse(text)))}\n`;
}
