import type { Config } from '../core/config';
import { printQuery } from '../core/query';
import type { Origin } from '../core/setting-values';
import { hostOf } from '../core/url';
import type { Speech } from './speech';

/** What every part of a page is drawn by. */
export interface View {
  readonly speech: Speech;
  /** `lang` of the query where it was said there: links keep it. */
  readonly lang?: 'en' | 'zh';
  /** By which clients know us. */
  readonly origin: Origin;
  /** What the page is called: the host, without a secret in it. */
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly canSearch: boolean;
  /** A login would show more. */
  readonly canLogIn: boolean;
  /** Whoever has a login of a registry's may show it here, and over TLS alone. */
  readonly takesLogins: boolean;
}

/** A link within the page: it has no path, so that it leads to where the page is mounted. */
export function linkTo({ lang }: Pick<View, 'lang'>, ...pairs: readonly (readonly [string, string])[]): string {
  const said = lang === undefined ? [] : [['lang', lang] as const];
  return printQuery([...pairs, ...said]) || '?';
}

/** The host for people to see: holders of the secret have it in the first label, and others look over their shoulders. */
export function shownHost(origin: Origin, { gate }: Pick<Config, 'gate'>): string {
  const host = hostOf(origin);
  return gate?.secret !== undefined && host.startsWith(`${gate.secret}.`) ? host.slice(gate.secret.length + 1) : host;
}
