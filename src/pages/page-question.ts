import { type Language, languageOfRequest } from '../core/doctor/language';
import { headerOf } from '../core/headers';
import { valuesOf } from '../core/query';
import type { Origin } from '../core/setting-values';
import { hostOf } from '../core/url';
import type { RequestHead } from '../core/verbs';

/** What somebody wants to see. */
export interface PageQuestion {
  readonly language: Language;
  /** `lang` of the query, where it is one. */
  readonly lang?: Language;
  /** A login is to be asked for where one helps. */
  readonly logsIn: boolean;
  readonly asks: { readonly kind: 'home' } | { readonly kind: 'image' | 'search'; readonly text: string };
}

/** Characters of a name or a term that are looked at. */
const MAX_TYPED = 1000;

/**
 * Reads the query: `image`, `search`, `login`, `lang`; what else stands there is passed over. The button that searches sends an
 * empty `search` beside the `image` that was typed, since one field of a form has one name.
 */
export function readPageQuestion({ headers }: RequestHead, query: string, origin: Origin): PageQuestion {
  const one = (name: string) => valuesOf(query, name)[0]?.trim().slice(0, MAX_TYPED);
  const [image, term, login, said] = ['image', 'search', 'login', 'lang'].map(one);
  const lang: Language | undefined = said === 'en' || said === 'zh' ? said : undefined;
  const language = lang ?? languageOfRequest(headerOf(headers, 'accept-language'));
  const about = { language, logsIn: login !== undefined, ...(lang && { lang }) };
  const sought = term || (term === undefined ? undefined : image);
  if (sought) return { ...about, asks: { kind: 'search', text: sought } };
  if (image) return { ...about, asks: { kind: 'image', text: withoutWrapping(image, origin) } };
  return { ...about, asks: { kind: 'home' } };
}

/** People paste a whole command, an address of skopeo's or a browser's, or a name that leads here already. */
function withoutWrapping(typed: string, origin: Origin): string {
  const name = typed
    .replace(/^(?:sudo +)?(?:docker|podman|nerdctl|crictl) +(?:image +)?(?:pull|run) +/, '')
    .replace(/^(?:docker|https?):\/\//i, '');
  const own = `${hostOf(origin)}/`;
  return name.toLowerCase().startsWith(own) ? name.slice(own.length) : name;
}
