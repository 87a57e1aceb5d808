import { parseRegistryName } from './setting-values';

/** How the body of a blob comes to its client; `auto` leaves it to what the platform carries. */
export const DELIVERIES = ['auto', 'stream', 'redirect', 'offload'] as const;

export type Delivery = (typeof DELIVERIES)[number];

export interface Deliveries {
  readonly all: Delivery;
  /** By the name of the registry. */
  readonly of: Readonly<Record<string, Delivery>>;
}

export const DELIVERY_FORM = `one of ${DELIVERIES.join(', ')}, and ghcr.io=offload for one registry, with commas between`;

/** Reads `auto`, or `redirect,ghcr.io=offload`; undefined for what is neither. */
export function parseDeliveries(text: string): Deliveries | undefined {
  const items = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  const plain = items.filter((item) => !item.includes('='));
  const pairs = items.filter((item) => item.includes('=')).map((item) => item.split('='));
  const isRead = pairs.every(
    ([name, mode, ...more]) => parseRegistryName(name) && isDelivery(mode) && more.length === 0,
  );
  const names = new Set(pairs.map(([name]) => name));
  const [all = 'auto', ...others] = plain;
  if (!isRead || !isDelivery(all) || others.length > 0 || names.size < pairs.length) return undefined;
  return { all, of: Object.fromEntries(pairs) };
}

function isDelivery(text: string): text is Delivery {
  return (DELIVERIES as readonly string[]).includes(text);
}
