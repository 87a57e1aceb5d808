import { type Config, readConfig } from '../../src/core/config';
import type { HeaderList } from '../../src/core/headers';
import { routeOf } from '../../src/core/route';
import { parseUrl, type Url } from '../../src/core/url';
import type { Forward, RequestHead, ResponseHead } from '../../src/core/verbs';

export const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

export const REGISTRY = { REGISTRY_BACKEND: 'https://registry.example.com' };

export function configOf(env: Record<string, string> = REGISTRY): Config {
  return readConfig(env);
}

export function url(text: string): Url {
  const parsed = parseUrl(text);
  if (!parsed) throw new Error(`${text} is no URL`);
  return parsed;
}

export type Fields = Readonly<Record<string, string | readonly string[]>>;

export function fields(record: Fields = {}): HeaderList {
  return Object.entries(record).flatMap(([name, value]) => [value].flat().map((each) => [name, each] as const));
}

/** A client's request; PEER is nobody we know. */
export function request(line: string, headers: Fields = {}, peer: Partial<RequestHead['peer']> = {}): RequestHead {
  const [method, target] = line.split(' ');
  return {
    method,
    target,
    headers: fields({ host: 'proxy.example.net', ...headers }),
    peer: { address: '203.0.113.7', secure: false, ...peer },
  };
}

export function response(status: number, headers: Fields = {}): ResponseHead {
  return { status, headers: fields(headers) };
}

export function forward(to: string, more: Partial<Forward> = {}): Forward {
  return {
    verb: 'forward',
    method: 'GET',
    url: url(to),
    headers: [],
    body: 'none',
    reach: 'public',
    purpose: 'registry',
    ...more,
  };
}

/** Where a client of https://proxy.example.net stands that has asked for this target. */
export function place(target: string, env: Record<string, string> = REGISTRY) {
  const config = configOf(env);
  return {
    config,
    route: routeOf(target, config),
    origin: { scheme: 'https', hostname: 'proxy.example.net', port: 443 } as const,
  };
}

/** What a function throws, as `status CODE`; undefined where it throws nothing. */
export function refusal(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const { status, code } = error as { status: number; code: string };
    return `${status} ${code}`;
  }
}
