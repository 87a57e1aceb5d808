import { chance } from './chance';
import { imageOf, type NoiseImage } from './noise';

const KEPT = 200;
const SMALLEST = 10;
const DECADES = 5.8;

const images = new Map<string, NoiseImage>();

/** There is an image for every number: a few layers of 10 bytes to 6 MB, the same wherever it is made. */
export function stormImage(seed: string, number: number): NoiseImage {
  const name = `${seed} ${number}`;
  const known = images.get(name);
  if (known) return known;
  const count = 1 + Math.floor(chance(name, 'layers') * 4);
  const sizes = Array.from({ length: count }, (_, index) =>
    Math.round(SMALLEST * 10 ** (chance(name, 'size', index) * DECADES)),
  );
  const image = imageOf(name, sizes);
  images.set(name, image);
  const [oldest] = images.keys();
  if (images.size > KEPT && oldest !== undefined) images.delete(oldest);
  return image;
}
