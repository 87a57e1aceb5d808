import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A set of addresses that TRUST_PROXY names. */
export type AddressRange = readonly [Address, number];

const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Reads an address, a CIDR range or one of the words loopback, linklocal and private; undefined for anything else. */
export function parseRange(text: string): AddressRange[] | undefined {
  const word = WORDS[text.toLowerCase()];
  if (word) return word.map((range) => ipaddr.parseCIDR(range));
  try {
    const [first, bits] = text.split('/');
    // "1" reads as 0.0.0.1 to the parser, and as a number of hops to people.
    if (!first.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(first)) return undefined;
    if (bits !== undefined) return [ipaddr.parseCIDR(text)];
    const address = ipaddr.process(text);
    return [[address, address.kind() === 'ipv4' ? 32 : 128]];
  } catch {
    return undefined;
  }
}

const parsed = new Map<string, AddressRange[]>();

/** Whether one of these words, as `parseRange` takes them, holds an address. They are read at their first use: reading takes milliseconds. */
export function isNamed(text: string, words: readonly string[]): boolean {
  return words.some((word) => {
    const ranges = parsed.get(word) ?? parseRange(word) ?? [];
    parsed.set(word, ranges);
    return isInRanges(text, ranges);
  });
}

export function isInRanges(text: string, ranges: readonly AddressRange[]): boolean {
  const address = parseAddress(text);
  return (
    address !== undefined &&
    ranges.some(([range, bits]) => range.kind() === address.kind() && matches(address, range, bits))
  );
}

function matches(address: Address, range: Address, bits: number): boolean {
  return (address as ipaddr.IPv4).match(range as ipaddr.IPv4, bits);
}

/** IPv4 addresses in IPv6 clothes count as what they are. */
function parseAddress(text: string): Address | undefined {
  const bare = text.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : undefined;
}

/** What counts as one client: an IPv4 address, or the /64 that an IPv6 network gives each of its subscribers (RFC 6177). */
export function networkOf(text: string): string {
  const address = parseAddress(text);
  if (address?.kind() !== 'ipv6') return address?.toString() ?? text;
  const parts = (address as ipaddr.IPv6).parts.slice(0, 4);
  return `${parts.map((part) => part.toString(16)).join(':')}::/64`;
}

export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

/**
 * Whether a connection to this address leaves for the public internet. Everything special is refused, metadata services
 * (169.254.169.254, 100.100.100.200) among it, but not 198.18.0.0/15: local VPN clients hand those out as stand-ins
 * for blocked public hosts.
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text);
  if (!address) return false;
  const range: string = address.range();
  if (range === 'rfc6052') return isPublicAddress(embeddedIpv4(address as ipaddr.IPv6));
  return range === 'unicast' && (address.kind() === 'ipv4' || isGlobalUnicast(address as ipaddr.IPv6));
}

/** The only IPv6 block given out for the internet (2000::/3); outside it "unicast" means site-local and worse. */
function isGlobalUnicast(address: ipaddr.IPv6): boolean {
  return address.match(ipaddr.IPv6.parse('2000::'), 3) && !address.match(ipaddr.IPv6.parse('3fff::'), 20);
}

/** NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is meant. */
function embeddedIpv4(address: ipaddr.IPv6): string {
  return address.toByteArray().slice(-4).join('.');
}

const PRIVATE_NAME = /^(localhost|[^.]+|.+\.(localhost|local|internal|lan|home\.arpa))$/;

/** Whether a host was plainly meant as one of a private network, by its address or its name. */
export function isPrivateHost(hostname: string): boolean {
  // Only what ends in a digit or a bracket can be an address (WHATWG URL, "ends in a number checker").
  return /[\d\]]$/.test(hostname) && isAddress(hostname) ? !isPublicAddress(hostname) : PRIVATE_NAME.test(hostname);
}
