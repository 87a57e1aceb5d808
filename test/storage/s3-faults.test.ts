import { randomBytes, randomUUID } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { blob, named } from '../../src/storage/key';
import { S3Store } from '../../src/storage/s3';
import type { Patience } from '../../src/storage/s3-transport';
import type { Store } from '../../src/storage/store';
import { StoreError } from '../../src/storage/store-error';
import type { Fault } from '../upstream/listen';
import { bytesFrom, content, contentOf, faultOf, has, listed, putBlob, putDocument, read } from './bytes';
import { type Bucket, errorXml, type S3Server, startS3 } from './s3-server';

const KIB = 1024;
const MIB = KIB * KIB;
const TAG = named('tag');
const ALWAYS = 1000;

/** Short where silence is meant, and no longer than it takes a busy machine to answer elsewhere. */
const QUICK: Partial<Patience> = { backOff: 1, rest: 0 };
const SHORT: Partial<Patience> = { ...QUICK, answer: 200, stall: 200 };

let server: S3Server;
let bucket: Bucket;
const stores: Store[] = [];
const faults: Error[] = [];

beforeAll(async () => {
  server = await startS3();
});
beforeEach(() => {
  bucket = server.bucket({ prefix: 'p/' });
  server.requests.length = 0;
});
afterEach(async () => {
  server.mend();
  for (const store of stores.splice(0)) await store.close();
  faults.length = 0;
  expect(server.accusations).toEqual([]);
});
afterAll(() => server.stop());

function open(patience: Partial<Patience> = QUICK, place = bucket.place): S3Store {
  const store = new S3Store({ place, patience, onFault: (error) => faults.push(error) });
  stores.push(store);
  return store;
}

const objectKey = (digest: string) => `p/blobs/${digest.replace(':', '/')}`;
const onlyObject = () => [...bucket.objects.values()][0] as NonNullable<ReturnType<Bucket['objects']['get']>>;
const lines = () =>
  server.requests.map(({ method, target }) => `${method} ${target.split('/').at(-1)?.replace(/^.*\?/, '?')}`);
const refusal = (status: number, code: string): Fault => ({ kind: 'status', status, body: errorXml(code) });

/** Every kind of call, with something to be found. */
const CALLS: [string, (store: Store) => Promise<unknown>][] = [
  ['stat', (store) => store.stat(content(1).key)],
  ['stat of a document', (store) => store.stat(TAG)],
  ['get', (store) => store.get(content(1).key)],
  ['get of a document', (store) => store.get(TAG)],
  ['put', (store) => putBlob(store, content(10))],
  ['put in parts', (store) => putBlob(store, content(9 * MIB))],
  ['put of a document', (store) => putDocument(store, TAG, 'text')],
  ['delete', (store) => store.delete(TAG)],
  ['verify', (store) => store.verify(content(1).key)],
  ['list', (store) => listed(store)],
  ['prune', (store) => store.prune({ maxBytes: 1 })],
];

describe('an object store that', () => {
  test.each(CALLS)('is down makes %s fail, after some attempts', async (_, call) => {
    const store = open();
    server.fail(/./, { kind: 'refuse' }, ALWAYS);
    expect(await faultOf(call(store))).toBe('io');
    expect(server.requests.length).toBeGreaterThanOrEqual(4);
  });

  test.each(CALLS)('never answers makes %s fail, at once', async (_, call) => {
    const store = open(SHORT);
    server.fail(/./, { kind: 'silence' }, ALWAYS);
    expect(await faultOf(call(store))).toBe('io');
  });

  test.each(CALLS)('refuses everything makes %s fail, without another attempt', async (_, call) => {
    const store = open();
    server.fail(/./, refusal(403, 'AccessDenied'), ALWAYS);
    expect(await faultOf(call(store))).toBe('denied');
    expect(new Set(lines()).size).toBe(lines().length);
  });

  test.each(CALLS)('is busy for a moment lets %s succeed', async (_, call) => {
    const store = open();
    server.fail(/./, refusal(503, 'SlowDown'), 3);
    expect(await faultOf(call(store))).toBe('none');
  });

  test.each(CALLS)('answers garbage never makes %s fail with anything but a fault', async (_, call) => {
    const store = open();
    server.fail(/./, { kind: 'status', status: 200, body: '\0<<&garbage;' }, ALWAYS);
    expect(['none', 'io', 'corrupt']).toContain(await faultOf(call(store)));
    server.mend();
    server.fail(/./, { kind: 'status', status: 500, body: '<!DOCTYPE x [<!ENTITY a "b">]><Error>&a;</Error>' }, ALWAYS);
    expect(await faultOf(call(store))).toBe('io');
  });

  test.each<[string, Fault, string]>([
    ['no such bucket', refusal(404, 'NoSuchBucket'), 'io'],
    ['SlowDown', refusal(503, 'SlowDown'), 'busy'],
    ['full disks', refusal(507, 'XMinioStorageFull'), 'full'],
    ['a used-up quota', refusal(403, 'QuotaExceeded'), 'full'],
    ['another region', refusal(301, 'PermanentRedirect'), 'io'],
    ['a wrong clock', refusal(403, 'RequestTimeTooSkewed'), 'denied'],
    ['nothing but 418', { kind: 'status', status: 418 }, 'io'],
  ])('answers with %s is told apart', async (_, fault, expected) => {
    const store = open();
    server.fail(/./, fault, ALWAYS);
    expect(await faultOf(putBlob(store, content(10)))).toBe(expected);
    expect(await faultOf(store.get(content(10).key))).toBe(expected);
  });

  test('could not be reached is left alone for a while', async () => {
    const store = open({ backOff: 1, rest: 60_000 });
    server.fail(/./, { kind: 'refuse' }, ALWAYS);
    expect(await faultOf(store.stat(TAG))).toBe('io');
    const { length } = server.requests;
    expect(await faultOf(store.stat(TAG))).toBe('busy');
    expect(server.requests).toHaveLength(length);
  });

  test('does not even listen makes calls fail', async () => {
    const gone = await startS3();
    const { place } = gone.bucket();
    await gone.stop();
    expect(await faultOf(open(QUICK, place).get(TAG))).toBe('io');
  });

  test('takes connections and says nothing in them makes calls fail', async () => {
    const mute = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo;
    const place = { ...bucket.place, endpoint: { ...bucket.place.endpoint, scheme: 'https', port } as const };
    const message = '"tag" cannot be read: the object store gave no connection for 0.1 s';
    await expect(open({ ...QUICK, connect: 100 }, place).get(TAG)).rejects.toThrow(message);
    await new Promise((resolve) => mute.close(resolve));
  });

  test('is none makes calls fail: 404 alone does not mean that something is missing', async () => {
    server.fail(/./, { kind: 'status', status: 404, body: '<html>Not found</html>' }, ALWAYS);
    expect(await faultOf(open().get(TAG))).toBe('io');
  });

  test('has no such bucket says so', async () => {
    const store = open(QUICK, { ...bucket.place, bucket: 'no-such-bucket' });
    await expect(store.get(TAG)).rejects.toThrow(/404 NoSuchBucket; there is no such bucket; make it/);
    expect(await faultOf(putBlob(store, content(10)))).toBe('io');
  });

  test('is asked over one connection, as long as one is enough', async () => {
    const store = open();
    for (let round = 0; round < 5; round++) {
      await putBlob(store, content(100 * KIB));
      expect(await has(store, content(1))).toBe(false);
      await listed(store, 'blob');
    }
    // The search for uploads that were left behind runs beside.
    expect(new Set(server.requests.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
  });
});

describe('no message', () => {
  test('tells keys, tokens or signatures, whatever the object store says', async () => {
    const { id, secret } = server.login;
    const said: string[] = [];
    const attempt = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (reason) => reason,
      );
      expect(error).toBeInstanceOf(StoreError);
      said.push(error.message, error.stack, JSON.stringify(error), String(error.cause), JSON.stringify(error.cause));
    };
    const body = `<Error><Code>SignatureDoesNotMatch</Code><Message>${secret} ${id}</Message><StringToSign>AWS4 ${secret}</StringToSign></Error>`;
    server.fail(/./, { kind: 'status', status: 403, body }, ALWAYS);
    for (const [, call] of CALLS) await attempt(call(open()));
    server.mend();
    server.fail(/./, { kind: 'status', status: 403, body: `<Error><Code>${secret}:</Code></Error>` }, ALWAYS);
    await attempt(open().get(TAG));
    server.mend();
    server.fail(/./, { kind: 'refuse' }, ALWAYS);
    for (const [, call] of CALLS) await attempt(call(open()));
    expect(
      said.filter((text) => text?.includes(secret) || text?.includes(id) || /Signature=/.test(text ?? '')),
    ).toEqual([]);
  });

  test.each([
    ['secret', 'the secret key does not fit'],
    ['id', 'it does not know the access key'],
    ['token', 'it does not know the session token'],
  ])('but says that the %s is wrong', async (name, words) => {
    const keys = { ...server.login, [name]: randomUUID() };
    const store = open(QUICK, { ...bucket.place, keys });
    await expect(store.get(TAG)).rejects.toThrow(words);
  });
});

describe('a reading', () => {
  const one = content(3 * MIB);
  const opened = async (patience = QUICK) => {
    await putBlob(open(), one);
    server.requests.length = 0;
    return open(patience);
  };
  const ranges = () => server.requests.map((seen) => seen.header('range'));

  test('goes on after cuts, from where it was', async () => {
    const store = await opened();
    server.fail(/^GET/, { kind: 'cut', after: 900_000 }, 3);
    expect(await has(store, one)).toBe(true);
    expect(ranges()).toEqual([undefined, 'bytes=900000-3145727', 'bytes=1800000-3145727', 'bytes=2700000-3145727']);
  });

  test('of a part goes on within it', async () => {
    const store = await opened();
    server.fail(/^GET/, { kind: 'cut', after: 1000 }, 1);
    const part = await read(store, one.key, { first: 5000, last: 1_000_000 });
    expect(part?.equals(one.bytes.subarray(5000, 1_000_001))).toBe(true);
    expect(ranges()).toEqual(['bytes=5000-1000000', 'bytes=6000-1000000']);
  });

  test.each<[string, Fault]>([
    ['falls silent', { kind: 'stall', after: 1000 }],
    ['ends before its first byte', { kind: 'cut', after: 0 }],
  ])('goes on where it %s', async (_, fault) => {
    const store = await opened({ ...QUICK, stall: 500 });
    server.fail(/^GET/, fault, 1);
    expect(await has(store, one)).toBe(true);
  });

  test('gives up where it gets nowhere', async () => {
    const store = await opened();
    server.fail(/^GET/, { kind: 'cut', after: 100 }, ALWAYS);
    expect(await faultOf(read(store, one.key))).toBe('io');
    expect(server.requests).toHaveLength(5);
  });

  test('does not mind any number of cuts as long as it gets on', async () => {
    const large = content(9 * MIB);
    await putBlob(open(), large);
    server.fail(/^GET/, { kind: 'cut', after: MIB }, 8);
    expect(await has(open(), large)).toBe(true);
  });

  test.each<[string, Fault]>([
    ['another tag', { kind: 'changed-etag' }],
    ['another size', { kind: 'changed-size', by: 1 }],
    ['all of it', { kind: 'ignore-range' }],
    ['other bytes', { kind: 'wrong-content-range', shift: 1 }],
    ['too few', { kind: 'short-range', bytes: 10 }],
    ['bytes of unknown total', { kind: 'unknown-total' }],
    ['404', refusal(404, 'NoSuchKey')],
  ])('fails where what comes after a cut has %s', async (_, fault) => {
    const store = await opened();
    server.fail(/^GET/, { kind: 'cut', after: 1000 }, 1);
    server.fail(/^GET/, fault, ALWAYS);
    expect(await faultOf(read(store, one.key))).toBe('io');
  });

  test.each<[string, Fault]>([
    ['all of it', { kind: 'ignore-range' }],
    ['other bytes', { kind: 'wrong-content-range', shift: 1 }],
    ['too few', { kind: 'short-range', bytes: 10 }],
  ])('of a part fails where the answer has %s', async (_, fault) => {
    const store = await opened();
    server.fail(/^GET/, fault, ALWAYS);
    expect(await faultOf(store.get(one.key, { first: 10, last: 5000 }))).toBe('io');
  });

  test('that has been closed ends', async () => {
    const store = await opened();
    const reading = await store.get(one.key);
    for await (const _ of reading ?? []) {
      await reading?.close();
      break;
    }
    const other = await store.get(one.key);
    const iterator = other?.[Symbol.asyncIterator]();
    await iterator?.next();
    await other?.close();
    const rest = bytesFrom({ [Symbol.asyncIterator]: () => iterator as AsyncIterator<Uint8Array> });
    expect(await faultOf(rest)).toBe('closed');
    expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(2);
  });
});

describe('what is no longer what was stored', () => {
  test('is never given out whole, and removed', async () => {
    const one = content(2 * MIB);
    await putBlob(open(), one);
    onlyObject().bytes = Buffer.from(one.bytes).fill(0, 100, 101);
    const store = open();
    const got: Uint8Array[] = [];
    const work = async () => {
      for await (const chunk of (await store.get(one.key)) ?? []) got.push(chunk);
    };
    expect(await faultOf(work())).toBe('corrupt');
    expect(Buffer.concat(got).length).toBeLessThan(one.bytes.length);
    expect([await store.get(one.key), bucket.objects.size]).toEqual([undefined, 0]);
    expect(faults.map(({ message }) => message)).toEqual([
      `${one.key.digest} is no longer what was stored, and has been removed`,
    ]);
  });

  test('is known for it where it was shortened, and where it is only verified', async () => {
    const one = content(2 * MIB);
    await putBlob(open(), one);
    onlyObject().bytes = one.bytes.subarray(1);
    expect(await open().verify(one.key)).toBe('wrong');
    expect(bucket.objects.size).toBe(0);
  });

  test('is found out by a process that has proven it before, too, where its tag is another one', async () => {
    const store = open();
    const one = content(2 * MIB);
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
    Object.assign(onlyObject(), { bytes: randomBytes(2 * MIB), etag: '"another"' });
    expect(await faultOf(read(store, one.key))).toBe('corrupt');
  });

  test.each([
    ['cut', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['empty', () => Buffer.alloc(0)],
    ['garbage', () => randomBytes(1000)],
  ])('is missing where it is a document that is %s', async (_, change) => {
    const store = open();
    await putDocument(store, TAG, 'text', { n: 1 });
    const object = onlyObject();
    object.bytes = change(object.bytes);
    expect([await store.stat(TAG), bucket.objects.size, faults.length]).toEqual([undefined, 0, 1]);
  });

  test('is not listed where it is the document of another name, or no entry at all', async () => {
    const store = open();
    await putDocument(store, TAG, 'text');
    const [[key, object]] = [...bucket.objects] as [[string, ReturnType<typeof onlyObject>]];
    const others = [
      `p/documents/${'0'.repeat(64)}`,
      'p/documents/readme',
      'p/blobs/sha256/abc',
      'p/blobs/md5/00',
      'q/x',
    ];
    for (const other of others) bucket.objects.set(other, object);
    expect(key).toMatch(/^p\/documents\/[0-9a-f]{64}$/);
    expect(await listed(store)).toMatchObject([{ key: TAG }]);
  });
});

describe('a put', () => {
  test('whose bytes the caller has proven is refused where they are others', async () => {
    const store = open();
    const { key } = content(10);
    expect(await faultOf(putBlob(store, { key, bytes: randomBytes(1000) }, { proof: 'caller' }))).toBe('digest');
    expect(bucket.objects.size).toBe(0);
  });

  test.each([8 * MIB, 8 * MIB + 1, 20 * MIB])('of %d bytes arrives', async (size) => {
    const store = open();
    const one = content(size);
    await putBlob(store, one, {});
    expect([...bucket.objects.keys()]).toEqual([objectKey(one.key.digest)]);
    expect(onlyObject().bytes.equals(one.bytes)).toBe(true);
    expect(await has(store, one)).toBe(true);
    const parts = server.requests.filter(({ query }) => query.has('partNumber')).length;
    expect(parts).toBe(size === 8 * MIB ? 0 : Math.ceil(size / (8 * MIB)));
    expect(bucket.uploads.size).toBe(0);
  });

  test('in parts may have a digest of sha512', async () => {
    const store = open();
    const one = content(9 * MIB, 'sha512');
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
  });

  test('in parts leaves nothing when it is aborted, or when its digest is wrong', async () => {
    const store = open();
    const sink = await store.put(content(1).key);
    await sink.write(Buffer.alloc(20 * MIB));
    expect(bucket.uploads.size).toBe(1);
    await sink.abort();
    expect(await faultOf(putBlob(store, { ...content(1), bytes: Buffer.alloc(9 * MIB) }, {}))).toBe('digest');
    expect([bucket.uploads.size, bucket.objects.size]).toEqual([0, 0]);
  });

  test.each<[string, RegExp, Fault, string]>([
    ['a part cannot be sent', /^PUT .*partNumber=2/, refusal(403, 'AccessDenied'), 'denied'],
    ['a part has no answer', /^PUT .*partNumber=1/, { kind: 'refuse' }, 'io'],
    ['a part gets no tag', /^PUT .*partNumber=2/, { kind: 'status', status: 200 }, 'io'],
    ['the upload has no name', /^POST .*uploads/, { kind: 'status', status: 200, body: '<A><B/></A>' }, 'io'],
    ['it cannot be completed', /^POST .*uploadId/, refusal(403, 'AccessDenied'), 'denied'],
    ['completion fails after all, with 200', /^POST .*uploadId/, refusal(200, 'InternalError'), 'io'],
    ['completion is refused, with 200', /^POST .*uploadId/, refusal(200, 'AccessDenied'), 'denied'],
    ['completion is garbage', /^POST .*uploadId/, { kind: 'status', status: 200, body: 'ok' }, 'io'],
  ])('in parts fails where %s, and leaves nothing', async (_, pattern, fault, expected) => {
    const store = open();
    server.fail(pattern, fault, ALWAYS);
    expect(await faultOf(putBlob(store, content(18 * MIB)))).toBe(expected);
    expect([bucket.uploads.size, bucket.objects.size]).toEqual([0, 0]);
  });

  test('is completed at another attempt where an error comes with 200', async () => {
    const store = open();
    server.fail(/^POST .*uploadId/, refusal(200, 'InternalError'), 2);
    const one = content(9 * MIB);
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
  });

  test.each([
    [0, 'none'],
    [1, 'io'],
  ])(
    'whose completion was done though its answer was lost is looked for (%d bytes too few: %s)',
    async (missing, expected) => {
      const store = open();
      const one = content(9 * MIB);
      server.fail(/partNumber/, { kind: 'status', status: 200, headers: { etag: '"part"' } }, 2);
      const sink = await store.put(one.key);
      await sink.write(one.bytes);
      // As if an attempt before had done it.
      bucket.uploads.clear();
      bucket.objects.set(objectKey(one.key.digest), {
        bytes: one.bytes.subarray(missing),
        etag: '"x"',
        at: Date.now(),
      });
      expect(await faultOf(sink.commit())).toBe(expected);
    },
  );

  test('removes uploads of others that were given up a day ago, and no other objects', async () => {
    const day = 24 * 3600 * 1000;
    const upload = (key: string, age: number) =>
      bucket.uploads.set(randomUUID(), { key, at: Date.now() - age, parts: new Map() });
    const digest = content(1).key.digest;
    upload(objectKey(digest), day + 1000);
    upload(objectKey(digest), day - 60_000);
    upload(`p/documents/other`, 2 * day);
    upload('other', 2 * day);
    const store = open();
    await putBlob(store, content(10));
    await store.close();
    expect([...bucket.uploads.values()].map(({ key }) => key)).toEqual([
      objectKey(digest),
      'p/documents/other',
      'other',
    ]);
  });

  test('is not hindered where such uploads cannot be listed, and that is told', async () => {
    const store = open();
    server.fail(/^GET .*uploads/, refusal(403, 'AccessDenied'), ALWAYS);
    const one = content(10);
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
    await new Promise((wake) => setImmediate(wake));
    expect(faults.map((fault) => (fault as StoreError).fault)).toEqual(['denied']);
  });
});

describe('a list', () => {
  const page = (content: string): Fault => ({
    kind: 'status',
    status: 200,
    body: `<ListBucketResult>${content}</ListBucketResult>`,
  });

  test.each<[string, Fault]>([
    ['goes on without saying where', page('<IsTruncated>true</IsTruncated>')],
    ['goes on where it was', page('<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>')],
    ['is none', { kind: 'status', status: 200, body: '<html></html>' }],
    ['is too long', page(' '.repeat(4 * MIB))],
    ['is cut', { kind: 'status', status: 200, body: '<ListBucketResult><Contents>' }],
  ])('that %s is a fault', async (_, fault) => {
    server.fail(/^GET .*list-type/, fault, ALWAYS);
    expect(await faultOf(listed(open()))).toBe('io');
  });

  test('passes over entries without size or time', async () => {
    const key = `<Key>${objectKey(content(1).key.digest)}</Key>`;
    const entries = [
      key,
      `${key}<Size>x</Size>`,
      `${key}<Size>1</Size><LastModified>soon</LastModified>`,
      '<Size>1</Size>',
    ];
    server.fail(/sha256/, page(entries.map((entry) => `<Contents>${entry}</Contents>`).join('')));
    expect(await listed(open())).toEqual([]);
  });
});

describe('a signed address', () => {
  const status = async (address: string, init?: RequestInit) => (await fetch(address, init)).status;

  test('gives the blob to whoever has it, for so long', async () => {
    let now = Date.now();
    bucket = server.bucket({ now: () => now });
    const store = new S3Store({ place: bucket.place, now: () => now });
    stores.push(store);
    const one = content(100 * KIB);
    await putBlob(store, one);
    const address = store.sign(one.key, 3_600_000);
    const response = await fetch(address);
    expect(Buffer.from(await response.arrayBuffer()).equals(one.bytes)).toBe(true);
    const other = address.replace(one.key.digest.slice(7), content(1).key.digest.slice(7));
    const longer = address.replace('X-Amz-Expires=3600', 'X-Amz-Expires=7200');
    expect([await status(other), await status(longer), await status(address, { method: 'DELETE' })]).toEqual([
      403, 403, 403,
    ]);
    now += 3_601_000;
    expect(await status(address)).toBe(403);
  });

  test('leads to the public endpoint, with the bucket in its name, for at most 7 days', () => {
    const publicEndpoint = {
      ...bucket.place.endpoint,
      scheme: 'https',
      hostname: 's3.example.com',
      port: 443,
    } as const;
    const store = open(QUICK, { ...bucket.place, publicEndpoint, pathStyle: false, prefix: 'a b/' });
    const { key } = content(1);
    const url = new URL(store.sign(key, 365 * 24 * 3600 * 1000));
    expect(url.host).toBe(`${bucket.name}.s3.example.com`);
    expect(url.pathname).toBe(`/a%20b/blobs/${key.digest.replace(':', '/')}`);
    expect(url.searchParams.get('X-Amz-Expires')).toBe('604800');
    expect(() => store.sign(blob('sha256:x'), 1000)).toThrow(StoreError);
  });
});

describe('keys of a role', () => {
  test('are asked for, and travel with their token', async () => {
    const other = await startS3(`${randomUUID()}/+==`);
    const { place } = other.bucket();
    const { keys: login, ...rest } = place;
    let asked = 0;
    const keys = async () => {
      asked += 1;
      return login as NonNullable<typeof login>;
    };
    const store = new S3Store({ place: rest, keys });
    const one = contentOf(randomBytes(1000));
    expect(() => store.sign(one.key, 60_000)).toThrow('there are no keys yet');
    await putBlob(store, one);
    expect(await has(store, one)).toBe(true);
    expect((await fetch(store.sign(one.key, 60_000))).status).toBe(200);
    expect(asked).toBeGreaterThan(0);
    await store.close();
    expect(other.accusations).toEqual([]);
    await other.stop();
  });

  test('that cannot be had are a fault', async () => {
    const { keys: _, ...place } = bucket.place;
    await expect(open(QUICK, place).get(TAG)).rejects.toThrow('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
    const keys = async () => Promise.reject(new Error('nobody answers'));
    const store = new S3Store({ place, keys });
    await expect(store.get(TAG)).rejects.toThrow('there are no keys: nobody answers');
    await store.close();
    expect(server.requests).toEqual([]);
  });
});
