import { english, type Words } from './words-en';
import { chinese } from './words-zh';

export type Language = 'en' | 'zh';

export function wordsIn(language: Language): Words {
  return language === 'zh' ? chinese : english;
}

/** As the environment says (POSIX, "Internationalization Variables"): `zh_CN.UTF-8`. */
export function languageOfLocale(env: Readonly<Record<string, string | undefined>>): Language {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return /^zh\b|^zh_/i.test(locale) ? 'zh' : 'en';
}

/** As `Accept-Language` says (RFC 9110 section 12.5.4); of two that are liked as much, the first. */
export function languageOfRequest(field = ''): Language {
  const liked = field.split(',').map((part) => {
    const [tag, ...parameters] = part.split(';').map((each) => each.trim().toLowerCase());
    const weight = parameters.find((each) => each.startsWith('q='))?.slice(2);
    return { tag, weight: weight === undefined ? 1 : Number(weight) || 0 };
  });
  const known = liked.filter(({ tag, weight }) => weight > 0 && /^(zh|en)(-|$)/.test(tag));
  const best = Math.max(...known.map(({ weight }) => weight));
  return known.find(({ weight }) => weight === best)?.tag.startsWith('zh') ? 'zh' : 'en';
}
