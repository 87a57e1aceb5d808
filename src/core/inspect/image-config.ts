import { printImagePlatform } from '../image-platform';
import { isFields, platformOf, shorten } from '../prefetch';

/** What an image's config says of it (OCI image spec, "Image Configuration"). */
export interface ImageConfig {
  /** Empty where it does not say. */
  readonly platform: string;
  /** RFC 3339, as it stands there. */
  readonly created?: string;
  /** For each layer in its order; empty where that cannot be told. */
  readonly commands: readonly string[];
}

/** Characters of a build's command that are shown. */
const MAX_COMMAND = 500;

/** RFC 3339, with a year. */
const TIME = /^(\d{4})-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

/** Years that builds which are to come out the same write (SOURCE_DATE_EPOCH=0; bazel and buildpacks: 1980). */
const LAST_UNSAID_YEAR = 1980;

/** Reads as much as can be read: nobody pulls by what stands there. @param layers how many the manifest has */
export function readImageConfig(text: string, layers: number): ImageConfig {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { platform: '', commands: [] };
  }
  if (!isFields(document)) return { platform: '', commands: [] };
  const platform = platformOf({ platform: document });
  const created = timeOf(document.created);
  return {
    platform: platform ? shorten(printImagePlatform(platform)) : '',
    ...(created !== undefined && { created }),
    commands: commandsOf(document.history, layers),
  };
}

function timeOf(value: unknown): string | undefined {
  const [time, year] = (typeof value === 'string' && TIME.exec(value)) || [];
  return Number(year) > LAST_UNSAID_YEAR ? time : undefined;
}

/** Entries that made no layer have none; where the others are not as many as the layers, nobody knows which made which. */
function commandsOf(history: unknown, layers: number): readonly string[] {
  if (!Array.isArray(history)) return [];
  const made = history.filter((entry) => !(isFields(entry) && entry.empty_layer === true));
  if (made.length !== layers) return [];
  return made.map((entry) => {
    const { created_by: command } = isFields(entry) ? entry : {};
    return typeof command === 'string' ? shorten(command, MAX_COMMAND) : '';
  });
}
