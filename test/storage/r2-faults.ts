import type { R2Bucket, R2ObjectBody, ReadableStream } from '@cloudflare/workers-types';

/** A bucket that fails as R2 does, with the messages that it has (Cloudflare R2, "Error codes"). */
export function faulty(bucket: R2Bucket, fault: string): R2Bucket {
  const change = CHANGES[fault];
  return change
    ? new Proxy(bucket, { get: (_, name) => change(bucket, String(name)) ?? method(bucket, name) })
    : bucket;
}

type Method = (...args: never[]) => unknown;

const fail = (message: string) => async () => {
  throw new Error(message);
};

const CHANGES: Readonly<Record<string, (bucket: R2Bucket, name: string) => Method | undefined>> = {
  'no bucket': (_, name) => fail(`${name}: The specified bucket does not exist. (10006)`),
  'no right': (_, name) => fail(`${name}: Unauthorized (10002)`),
  'too many': (_, name) => fail(`${name}: Too many requests (10058)`),
  'no network': () => fail('Network connection lost.'),
  'short pages': (bucket, name) =>
    name === 'list' ? (options: object) => bucket.list({ ...options, limit: 2 }) : undefined,
  'no end': (_, name) =>
    // Takes some, and then neither takes more nor fails.
    name === 'put'
      ? async (_: string, body: ReadableStream<Uint8Array>) => {
          await body.getReader().read();
          return new Promise(() => {});
        }
      : undefined,
  'half a put': (bucket, name) =>
    name === 'put'
      ? async (_: string, body: ReadableStream<Uint8Array>) => {
          const reader = body.getReader();
          await reader.read();
          await reader.cancel();
          throw new Error('put: We encountered an internal error. Please try again. (10001)');
        }
      : name === 'createMultipartUpload'
        ? async (key: string) => {
            const upload = await bucket.createMultipartUpload(key);
            return { uploadPart: fail('uploadPart: internal error (10001)'), abort: () => upload.abort() };
          }
        : undefined,
  'half a get': (bucket, name) =>
    name === 'get'
      ? async (key: string, options?: object) => {
          const object = (await bucket.get(key, options)) as R2ObjectBody;
          const half = Math.floor(object.size / 2);
          const body = new Response((await object.bytes()).slice(0, half)).body;
          return new Proxy(object, { get: (_, of) => (of === 'body' ? body : Reflect.get(object, of)) });
        }
      : undefined,
};

function method(bucket: R2Bucket, name: string | symbol): unknown {
  const value = Reflect.get(bucket, name);
  return typeof value === 'function' ? value.bind(bucket) : value;
}
