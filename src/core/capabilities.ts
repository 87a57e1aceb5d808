import type { StorePlace } from './cache-config';

export type Platform = 'node' | 'aliyun-fc' | 'cloudflare-workers' | 'aws-lambda' | 'tencent-scf' | 'cloud-run';

const MIB = 1024 * 1024;

const UNLIMITED = Number.POSITIVE_INFINITY;

/** What a platform's edge carries; sources: deploy/<platform>/README.md. */
export interface Capabilities {
  /** Bytes of path and query that reach us at most. */
  readonly maxTarget: number;
  /** Bytes of all fields of a request together at most. */
  readonly maxRequestHeaders: number;
  /** Bytes of all fields of a response together at most. */
  readonly maxResponseHeaders: number;
  /** Bytes of a response's body at most: with more, the platform answers with an error of its own, or cuts it. */
  readonly maxResponse: number;
  /** Bytes of a response's body that come at full speed; where it is large, another way to deliver it is better. */
  readonly easyResponse: number;
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
  /** A process sees enough of the requests that counting them says something. */
  readonly keepsCounts: boolean;
  /** Where content can be kept. */
  readonly stores: readonly StorePlace['kind'][];
}

/** What a process of one's own can do, on a machine or in a container. */
const node: Capabilities = {
  maxTarget: UNLIMITED,
  maxRequestHeaders: UNLIMITED,
  maxResponseHeaders: UNLIMITED,
  maxResponse: UNLIMITED,
  easyResponse: UNLIMITED,
  streamsOnlyChunked: false,
  gatewayIsPeer: false,
  gatewayKeepsConnections: false,
  freezes: false,
  rows: 'file',
  hooks: false,
  maxRequestBody: UNLIMITED,
  maxSubrequests: UNLIMITED,
  breaksChunks: true,
  roles: true,
  slowPasswords: true,
  keepsCounts: true,
  stores: ['memory', 'disk', 's3'],
};

/** The same process behind a platform's gateway, which starts, freezes and ends it as it likes. */
const behindGateway: Capabilities = {
  ...node,
  gatewayIsPeer: true,
  gatewayKeepsConnections: true,
  freezes: true,
  rows: 'none',
};

export const capabilities: Readonly<Record<Platform, Capabilities>> = {
  node,
  'aliyun-fc': {
    ...behindGateway,
    maxTarget: 4096,
    maxRequestHeaders: 8192,
    maxResponseHeaders: 8192,
    streamsOnlyChunked: true,
    hooks: true,
    maxRequestBody: 32 * MIB,
  },
  'cloudflare-workers': {
    ...node,
    maxTarget: 16_384,
    maxRequestHeaders: 128 * 1024,
    maxResponseHeaders: 128 * 1024,
    gatewayKeepsConnections: true,
    freezes: true,
    rows: 'store',
    maxRequestBody: 100_000_000,
    maxSubrequests: 50,
    breaksChunks: false,
    roles: false,
    slowPasswords: false,
    keepsCounts: false,
    stores: ['r2'],
  },
  'aws-lambda': {
    ...behindGateway,
    // An event says who calls and by which host, which no field of a client's can change.
    gatewayIsPeer: false,
    maxResponse: 200 * MIB,
    easyResponse: 6 * MIB,
    // An invocation has 6 MB, in which a body stands as base64.
    maxRequestBody: 4_500_000,
  },
  'tencent-scf': {
    ...behindGateway,
    maxResponseHeaders: 4096,
    maxResponse: 6 * MIB,
    easyResponse: 6 * MIB,
    maxRequestBody: 6 * MIB,
  },
  'cloud-run': {
    ...behindGateway,
    streamsOnlyChunked: true,
    maxRequestBody: 32 * MIB,
  },
};

/** Variables that the platform itself sets in the function's environment. */
const SIGNS: readonly (readonly [Platform, readonly string[]])[] = [
  ['aliyun-fc', ['FC_FUNCTION_NAME', 'FC_ACCOUNT_ID']],
  ['aws-lambda', ['AWS_LAMBDA_FUNCTION_NAME', 'AWS_LAMBDA_RUNTIME_API']],
  ['tencent-scf', ['TENCENTCLOUD_RUNENV']],
  ['cloud-run', ['K_SERVICE', 'K_REVISION']],
];

export function detectPlatform(env: Readonly<Record<string, string | undefined>>): Platform {
  return SIGNS.find(([, names]) => names.every((name) => env[name]))?.[0] ?? 'node';
}

/** Bodies up to this size always carry their length: manifests are at most 4 MiB, and oras and helm insist on it. */
export const SMALL_BODY_BYTES = 4 * 1024 * 1024;
