import { type HeaderList, headersOf } from './headers';

/**
 * How much a client wants a media type: the weight of the nearest of its ranges (RFC 9110 section 12.5.1), 0 where it wants
 * none of it, 1 where it says nothing at all.
 * @param type in lower case, without parameters
 */
export function weightOf(type: string, headers: HeaderList): number {
  const ranges = headersOf(headers, 'accept').flatMap((line) => line.toLowerCase().split(','));
  if (ranges.length === 0) return 1;
  const [main] = type.split('/');
  for (const wanted of [type, `${main}/*`, '*/*']) {
    const weights = ranges.filter((range) => range.split(';')[0].trim() === wanted).map(qualityOf);
    if (weights.length > 0) return Math.max(...weights);
  }
  return 0;
}

function qualityOf(range: string): number {
  const quality = /;\s*q=([\d.]+)\s*(;|$)/.exec(range)?.[1];
  return quality === undefined ? 1 : Number(quality);
}
