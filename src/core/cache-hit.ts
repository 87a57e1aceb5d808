import { type HeaderList, headersOf } from './headers';

/**
 * Whether the cache nearest to the client had what it sent (`Cache-Status`, RFC 9211): each cache on the way appends itself, so
 * the last one counts. Undefined where no cache says anything, or only that it has nothing to do with it.
 */
export function isCacheHit(headers: HeaderList): boolean | undefined {
  const field = headersOf(headers, 'cache-status').join(', ');
  // What is said in quotes may hold commas and semicolons.
  const members = field.replace(/"(?:[^"\\]|\\.)*"/g, '""').split(',');
  const [cache, ...parameters] = (members.at(-1) ?? '').split(';').map((part) => part.trim());
  if (cache === '' || parameters.some((each) => /^fwd=bypass$/i.test(each))) return undefined;
  // `same-digest`: the registry was asked, and what is sent was there.
  return parameters.some((each) => /^(hit(=\?1)?|detail=same-digest)$/i.test(each));
}
