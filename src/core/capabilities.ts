import type { StorePlace } from './cache-config';

export type Platform = 'node' | 'aliyun-fc' | 'cloudflare-workers';

/** What a platform's edge carries; sources: deploy/<platform>/README.md. */
export interface Capabilities {
  /** Bytes of path and query that reach us at most. */
  readonly maxTarget: number;
  /** A body is streamed only when it is chunked; with a length it may be buffered or capped. */
  readonly streamsOnlyChunked: boolean;
  /** Every connection comes from the platform's own gateway, so its X-Forwarded-* are the platform's word. */
  readonly gatewayIsPeer: boolean;
  /** The gateway keeps connections open for longer than any idle limit of ours; closing one loses a request. */
  readonly gatewayKeepsConnections: boolean;
  /** What goes on after an answer may stand still until the next request, or never go on. */
  readonly freezes: boolean;
  /** Where registries can be kept that are changed while it runs. */
  readonly rows: 'file' | 'store' | 'none';
  /** Life-cycle hooks arrive as requests. */
  readonly hooks: boolean;
  /** Bytes of a request's body at most. */
  readonly maxRequestBody: number;
  /** Requests of our own that one of a client's may lead to. */
  readonly maxSubrequests: number;
  /** A response without a length can be broken off so that its client notices. */
  readonly breaksChunks: boolean;
  /** A machine or container may have a role at its cloud, and be given keys for it. */
  readonly roles: boolean;
  /** A request has the time of a processor that it takes to check a password by bcrypt. */
  readonly slowPasswords: boolean;
  /** Where content can be kept. */
  readonly stores: readonly StorePlace['kind'][];
}

export const capabilities: Readonly<Record<Platform, Capabilities>> = {
  node: {
    maxTarget: Number.POSITIVE_INFINITY,
    streamsOnlyChunked: false,
    gatewayIsPeer: false,
    gatewayKeepsConnections: false,
    freezes: false,
    rows: 'file',
    hooks: false,
    maxRequestBody: Number.POSITIVE_INFINITY,
    maxSubrequests: Number.POSITIVE_INFINITY,
    breaksChunks: true,
    roles: true,
    slowPasswords: true,
    stores: ['memory', 'disk', 's3'],
  },
  'aliyun-fc': {
    maxTarget: 4096,
    streamsOnlyChunked: true,
    gatewayIsPeer: true,
    gatewayKeepsConnections: true,
    freezes: true,
    rows: 'none',
    hooks: true,
    maxRequestBody: Number.POSITIVE_INFINITY,
    maxSubrequests: Number.POSITIVE_INFINITY,
    breaksChunks: true,
    roles: true,
    slowPasswords: true,
    stores: ['memory', 'disk', 's3'],
  },
  'cloudflare-workers': {
    maxTarget: 16_384,
    streamsOnlyChunked: false,
    gatewayIsPeer: false,
    gatewayKeepsConnections: true,
    freezes: true,
    rows: 'store',
    hooks: false,
    maxRequestBody: 100_000_000,
    maxSubrequests: 50,
    breaksChunks: false,
    roles: false,
    slowPasswords: false,
    stores: ['r2'],
  },
};

/** Variables that the platform itself sets in the function's environment. */
export function detectPlatform(env: Readonly<Record<string, string | undefined>>): Platform {
  return env.FC_FUNCTION_NAME && env.FC_ACCOUNT_ID ? 'aliyun-fc' : 'node';
}

/** Bodies up to this size always carry their length: manifests are at most 4 MiB, and oras and helm insist on it. */
export const SMALL_BODY_BYTES = 4 * 1024 * 1024;
