import { checkAddress } from '../core/client-rules';
import type { Config } from '../core/config';
import { RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import { refusalOfError } from '../core/inspect/refusal';
import type { Inspection } from '../core/inspect/report';
import { readWanted } from '../core/inspect/wanted';
import type { Place } from '../core/location';
import type { Memory } from '../core/memory';
import { originOfRequest } from '../core/origin';
import type { RequestHead } from '../core/verbs';
import type { Door } from './doctor-door';
import { InspectClient } from './inspect-client';
import { Look } from './inspect-look';
import { Inspections } from './inspections';

/** What somebody looks at an image out of, at the time of a request. */
export interface InspectPlace {
  readonly config: Config;
  readonly memory: Memory;
  /** The visitor's own request. */
  readonly head: RequestHead;
  /** Asks this very instance as the visitor, by its own URL, and whatever a redirect leads to. @param signal ends all of it */
  readonly open: (place: Place, signal: AbortSignal) => Door;
}

/** Milliseconds after which nothing more is asked, and what has come is shown. */
const INSPECT_TIME = 30_000;

/** What is remembered of looks, by the memory of their instance. */
const known = new WeakMap<Memory, Inspections>();

/**
 * Looks at an image the way a pull by the visitor would: by the same rules, limits and cache, and with the visitor's own login.
 * @param text as somebody typed it
 */
export async function inspectImage(text: string, place: InspectPlace): Promise<Inspection> {
  const inspections = known.get(place.memory) ?? new Inspections();
  known.set(place.memory, inspections);
  try {
    return hide(await inspections.take(() => inspect(text, place, inspections)), place.config);
  } catch (error) {
    if (error instanceof RegistryError) return hide({ refused: refusalOfError(error) }, place.config);
    throw error;
  }
}

/** Whoever typed the secret is not to find it on a page. */
function hide(inspection: Inspection, { gate }: Config): Inspection {
  if (!('refused' in inspection) || gate?.secret === undefined) return inspection;
  const { refused } = inspection;
  return { refused: { ...refused, message: refused.message.replaceAll(gate.secret, 'SECRET') } };
}

async function inspect(
  text: string,
  { config, head, open }: InspectPlace,
  inspections: Inspections,
): Promise<Inspection> {
  if (config.gate?.satisfy !== 'any') checkAddress(head, config);
  const origin = originOfRequest(head, config);
  if (!origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
  const wanted = readWanted(text, head.target, { config, origin });
  const given = headerOf(head.headers, 'authorization');
  const login = /^basic /i.test(given ?? '') ? given : undefined;
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new Error('no time left')), INSPECT_TIME);
  try {
    const door = open(wanted.place, ending.signal);
    const client = new InspectClient(door, wanted, login, Boolean(config.gate?.users.size));
    return await new Look(wanted, client, ending.signal, inspections).look();
  } finally {
    clearTimeout(timer);
  }
}
