import { RegistryError } from './errors';
import { IMAGE_FORM, type ImageName, parseImageName } from './image-name';
import { type ImagePlatforms, PLATFORM_FORM, parseImagePlatforms } from './image-platform';
import { shorten } from './prefetch';

/** Bytes of the body of `POST /-/prefetch`. */
export const MAX_PREFETCH_REQUEST = 64 * 1024;

/** Images of one request. */
const MAX_IMAGES = 100;

/** Platforms of one request. */
const MAX_PLATFORMS = 20;

export interface PrefetchRequest {
  readonly images: readonly ImageName[];
  /** Absent where none are named. */
  readonly platforms?: ImagePlatforms;
}

/**
 * Reads the body of `POST /-/prefetch`: `{"images":["nginx:1.27"],"platforms":["linux/amd64"]}`.
 * @throws RegistryError 400 that says what is expected
 */
export function parsePrefetchRequest(text: string): PrefetchRequest {
  const { images, platforms, ...others } = parse(text);
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(`${shorten(other)}: unknown; images and platforms may stand there`);
  if (!isList(images, MAX_IMAGES)) throw invalid(`images: expected a list of 1 to ${MAX_IMAGES} names`);
  const named = images.map((each) => {
    const image = parseImageName(each);
    if (!image) throw invalid(`images: ${shorten(each)}: expected ${IMAGE_FORM}`);
    return image;
  });
  if (platforms === undefined) return { images: named };
  const wanted = isList(platforms, MAX_PLATFORMS) ? parseImagePlatforms(platforms) : undefined;
  if (!wanted) throw invalid(`platforms: expected a list of ${PLATFORM_FORM}`);
  return { images: named, platforms: wanted };
}

function parse(text: string): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>;
  } catch {
    // Said below, as of every other body that is no object.
  }
  throw invalid('expected a JSON object: {"images":["nginx:1.27"],"platforms":["linux/amd64"]}');
}

function isList(value: unknown, limit: number): value is string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.length <= limit && value.every((each) => typeof each === 'string')
  );
}

function invalid(message: string): RegistryError {
  return new RegistryError(400, 'UNSUPPORTED', message);
}
