/** How the text of a setting is read; `setting-readers.ts` has the readers. */
export type SettingKind =
  | 'access-secret'
  | 'access'
  | 'accounts'
  | 'address-list'
  | 'addresses'
  | 'boolean'
  | 'cache'
  | 'choice'
  | 'connections'
  | 'count'
  | 'deliveries'
  | 'duration'
  | 'fields'
  | 'folder'
  | 'host'
  | 'htpasswd'
  | 'images'
  | 'label'
  | 'name'
  | 'origin'
  | 'origin-or-host'
  | 'path'
  | 'period'
  | 'period-or-off'
  | 'port'
  | 'presence'
  | 'rate'
  | 'ratio'
  | 'registries'
  | 'repository'
  | 'search'
  | 'secret'
  | 'size'
  | 'tag-lifetimes'
  | 'token'
  | 'url-or-host';

export interface Setting {
  /** Name of the environment variable. */
  readonly name: string;
  /** What other programs call it: read just the same. */
  readonly aliases?: readonly string[];
  readonly kind: SettingKind;
  /** What holds when it is not set, as it would be written; empty where that is derived (then `help` says how). */
  readonly fallback: string;
  readonly choices?: readonly string[];
  /** Other words for some of them, in lower case, as other programs have them. */
  readonly synonyms?: Readonly<Record<string, string>>;
  /** Its value is never printed. */
  readonly secret?: true;
  readonly help: string;
}
