import { IMAGE_FORM, type ImageName, parseImageName } from '../core/image-name';
import { shorten } from '../core/prefetch';
import { CommandError, type Streams } from './commands';

/** Bytes of a list of images on the standard input. */
const MAX_LIST_BYTES = 1024 * 1024;

/**
 * The images that are named, those of a list on the standard input among them: one a line, `#` begins a comment.
 * @param names where `-` stands for the list
 * @throws CommandError for what is no image's name
 */
export async function readImages(names: readonly string[], stdin: Streams['stdin']): Promise<readonly ImageName[]> {
  const list = names.includes('-') ? await readList(stdin) : [];
  const all = names.flatMap((name) => (name === '-' ? list : [name]));
  const images = [...new Set(all)].map((name) => {
    const image = parseImageName(name);
    if (!image) throw new CommandError(`${shorten(name)}: expected ${IMAGE_FORM}`);
    return image;
  });
  if (images.length === 0) throw new CommandError('no image is named on the standard input');
  return images;
}

async function readList(stdin: Streams['stdin']): Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk));
    size += chunks[chunks.length - 1].length;
    if (size > MAX_LIST_BYTES) throw new CommandError('the list of images is larger than 1 MiB');
  }
  const lines = Buffer.concat(chunks).toString().split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter(Boolean);
}
