import { RegistryError } from '../errors';
import { headerOf } from '../headers';
import { IMAGE_FORM, type ImageName, parseImageName } from '../image-name';
import { type ImagePlatforms, PLATFORM_FORM, parseImagePlatform } from '../image-platform';
import { shorten } from '../prefetch';
import { valuesOf } from '../query';
import type { RequestHead } from '../verbs';
import { type Language, languageOfRequest } from './language';

/** What `GET /-/explain` is asked. */
export interface ExplainQuestion {
  /** Its repository as clients put it into the path, a registry's name in front of it where there is one. */
  readonly image: ImageName;
  readonly platforms: ImagePlatforms;
  readonly language: Language;
  /** In words for people. */
  readonly isText: boolean;
}

const KNOWN = ['image', 'ns', 'platform', 'lang'];

/**
 * Reads the query: `image`, and where a mirror would send it `ns`; `platform`, `lang`.
 * @throws RegistryError 400
 */
export function readExplainQuestion({ target, headers }: RequestHead): ExplainQuestion {
  const query = target.includes('?') ? target.slice(target.indexOf('?')) : '';
  const one = (name: string) => {
    const values = valuesOf(query, name);
    if (values.length > 1) throw invalid(`${name}: more than one`);
    return values[0];
  };
  const [, other] = /(?:^\?|&)(?!(?:image|ns|platform|lang)(?:=|&|$))([^=&]+)/.exec(query) ?? [];
  if (other !== undefined) throw invalid(`${shorten(other)}: unknown; ${KNOWN.join(', ')} may stand there`);
  const named = parseImageName(one('image') ?? '');
  if (!named) throw invalid(`image: expected ${IMAGE_FORM}`);
  const platform = parseImagePlatform(one('platform') ?? 'linux/amd64');
  if (!platform) throw invalid(`platform: expected ${PLATFORM_FORM}`);
  const lang = one('lang');
  if (lang !== undefined && lang !== 'en' && lang !== 'zh') throw invalid('lang: expected en or zh');
  return {
    image: asAsked(named, one('ns')),
    platforms: [platform],
    language: lang ?? languageOfRequest(headerOf(headers, 'accept-language')),
    isText: /\btext\/plain\b/i.test(headerOf(headers, 'accept') ?? ''),
  };
}

/** Clients put into the path what was typed, but for the tag. */
function asAsked({ text, reference }: ImageName, registry: string | undefined): ImageName {
  const [name = ''] = text.split('@');
  const repository = name.replace(/:[^/:]*$/, '');
  return { text, repository, reference, ...(registry !== undefined && { registry }) };
}

function invalid(message: string): RegistryError {
  return new RegistryError(400, 'UNSUPPORTED', message);
}
