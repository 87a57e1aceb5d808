import { readRole } from './aws-account';
import { nearest } from './nearest';
import type { S3Place } from './s3-place';
import { parseOriginOrHost, readBoolean } from './setting-values';
import type { Url } from './url';

type Env = Readonly<Record<string, string | undefined>>;

const PARAMETERS = ['endpoint', 'internalEndpoint', 'region', 'pathStyle'];

const FORM = 's3://bucket/prefix?endpoint=https://…&region=…';

/** Amazon S3, "General purpose bucket naming rules"; other object stores take no more. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Nothing that a URL, XML or a signature would have to escape. */
const PREFIX = /^(?!\.{1,2}(?:\/|$))[\w.-]+(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)*$/;

/** Longest prefix; keys have 1024 bytes at most, and 150 of them come after it. */
const MAX_PREFIX = 512;

const REGION = /^[A-Za-z0-9-]{1,64}$/;

const AMAZON = /(?:^|\.)amazonaws\.com(?:\.cn)?$/;
const ALIYUN = /(?:^|\.)aliyuncs(?:-internal)?\.com$/;
const TENCENT = /(?:^|\.)myqcloud\.com$/;

/** Regions as endpoints spell them; the first group that matched is the region. */
const REGIONS_IN_HOSTS = [
  /^s3[.-](?:dualstack\.)?([a-z]{2,4}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?$/,
  /^(?:s3\.)?oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs(?:-internal)?\.com$/,
  /^cos(?:-internal)?\.([a-z0-9-]+)\.(?:myqcloud|tencentcos)\.com$/,
];

/** Where keys stand in the environment, and to whom they may be shown: a cloud sets its own in every function that has a role. */
const KEY_NAMES = [
  { id: 'AWS_ACCESS_KEY_ID', secret: 'AWS_SECRET_ACCESS_KEY', token: 'AWS_SESSION_TOKEN', hosts: /^/ },
  {
    id: 'ALIBABA_CLOUD_ACCESS_KEY_ID',
    secret: 'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    token: 'ALIBABA_CLOUD_SECURITY_TOKEN',
    hosts: ALIYUN,
  },
  {
    id: 'TENCENTCLOUD_SECRETID',
    secret: 'TENCENTCLOUD_SECRETKEY',
    token: 'TENCENTCLOUD_SESSIONTOKEN',
    hosts: TENCENT,
  },
] as const;

/** What begins every key: empty, or ending with a slash. Undefined for what nothing should begin with. */
export function parsePrefix(text: string): string | undefined {
  const prefix = text.replace(/^\/+|\/+$/g, '');
  if (prefix === '') return '';
  return PREFIX.test(prefix) && prefix.length <= MAX_PREFIX ? `${prefix}/` : undefined;
}

/**
 * Reads `s3://bucket/prefix?endpoint=…&internalEndpoint=…&region=…&pathStyle=…`. Keys come from the environment only: a
 * setting is printed here and there. At AWS a machine or container has a role instead, where they are missing.
 * @throws Error that names every fault, and nothing secret
 */
export function readS3Place(text: string, env: Env): S3Place {
  const [, authority, path = '', query = ''] = /^s3:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(text) ?? [];
  if (authority === undefined) throw new Error(`expected ${FORM}`);
  if (authority.includes('@'))
    throw new Error('keys do not belong into the address: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  const faults: string[] = [];
  const fault = (message: string) => {
    faults.push(message);
    return undefined;
  };
  if (!BUCKET.test(authority)) fault('a bucket has 3 to 63 lower-case letters, digits, dots and dashes');
  const prefix = parsePrefix(path);
  if (prefix === undefined)
    fault(`a prefix has up to ${MAX_PREFIX} letters, digits, dots, dashes and underscores, with slashes between`);
  const given = readParameters(query, fault);

  const readEndpoint = (name: string, value: string | undefined): Url | undefined => {
    if (!value) return undefined;
    const url = parseOriginOrHost(value);
    return url ? { ...url, path: '/' } : fault(`${name}: expected https://host or http://host:port, without a path`);
  };
  const environment = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const named = given.endpoint ? 'endpoint' : environment ? 'AWS_ENDPOINT_URL' : undefined;
  const written = readEndpoint(named ?? '', given.endpoint || environment);
  const internal = readEndpoint('internalEndpoint', given.internalEndpoint);
  const region = given.region || regionIn(written ?? internal) || env.AWS_REGION || env.AWS_DEFAULT_REGION;
  if (region && !REGION.test(region)) fault('region: expected a name like eu-central-1');
  if (!region && !named && !internal) fault('set region, or endpoint where the bucket is not at AWS');
  const publicEndpoint = written ?? internal ?? amazonEndpoint(region ?? '');
  const endpoint = internal ?? publicEndpoint;
  const style = given.pathStyle ? readBoolean(given.pathStyle) : undefined;
  if (given.pathStyle && style === undefined) fault('pathStyle: expected true or false');

  const keys = readKeys(env, endpoint.hostname, publicEndpoint.hostname);
  const role = !keys && AMAZON.test(endpoint.hostname) ? readRole(env, fault) : undefined;
  if (!keys && !role) fault('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  if (faults.length > 0) throw new Error(faults.join('; '));
  return {
    kind: 's3',
    bucket: authority,
    prefix: prefix ?? '',
    region: region ?? 'us-east-1',
    endpoint,
    publicEndpoint,
    pathStyle: style ?? !(isVirtual(endpoint) && !authority.includes('.')),
    ...(keys && { keys }),
    ...(role && { role }),
  };
}

function readParameters(query: string, fault: (message: string) => undefined): Record<string, string | undefined> {
  const given: Record<string, string | undefined> = {};
  for (const part of query.split('&').filter(Boolean)) {
    const [name = '', ...rest] = part.split('=');
    if (!PARAMETERS.includes(name)) {
      const meant = nearest(name, PARAMETERS);
      // What stands where a name belongs may be anything.
      const shown = /^[A-Za-z]{1,32}$/.test(name) ? `${name} is no parameter` : 'one of the parameters is unknown';
      fault(`${shown}; ${meant ? `is ${meant} meant?` : `there are ${PARAMETERS.join(', ')}`}`);
    } else if (given[name] !== undefined) fault(`${name} stands there twice`);
    else given[name] = decode(rest.join('='));
  }
  return given;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function regionIn(endpoint: Url | undefined): string | undefined {
  if (!endpoint) return undefined;
  if (endpoint.hostname.endsWith('.r2.cloudflarestorage.com')) return 'auto';
  return REGIONS_IN_HOSTS.map((pattern) => pattern.exec(endpoint.hostname)?.[1]).find(Boolean);
}

/** Amazon S3, "Endpoints and quotas". */
function amazonEndpoint(region: string): Url {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return { scheme: 'https', hostname: `s3.${region}.${domain}`, port: 443, path: '/', query: '' };
}

/** Those that take the bucket's name as part of the host name, and some of them in no other way. Others may have no such names in DNS. */
function isVirtual({ hostname }: Url): boolean {
  return AMAZON.test(hostname) || ALIYUN.test(hostname) || TENCENT.test(hostname);
}

function readKeys(env: Env, ...hosts: string[]): S3Place['keys'] {
  for (const names of KEY_NAMES) {
    const id = env[names.id]?.trim();
    const secret = env[names.secret]?.trim();
    const token = env[names.token]?.trim();
    if (id && secret && hosts.every((host) => names.hosts.test(host))) return { id, secret, ...(token && { token }) };
  }
  return undefined;
}
