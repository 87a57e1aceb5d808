import './prepare';
import { randomBytes, randomUUID } from 'node:crypto';
import { named } from '../../src/storage/key';
import { S3Store } from '../../src/storage/s3';
import { removeAbandoned } from '../../src/storage/s3-abandoned';
import { bodyOf } from '../../src/storage/s3-body';
import { S3Client } from '../../src/storage/s3-client';
import { objectKeyOf } from '../../src/storage/s3-layout';
import { MultipartUpload } from '../../src/storage/s3-multipart';
import { content, faultOf, has, listed, putBlob, putDocument } from '../storage/bytes';
import { storeContract } from '../storage/contract';
import { incomingContract } from '../storage/incoming-contract';
import { type Swift, startSwift } from './swift';

/** The S3 driver before an object store that nobody of us has written. */

const MIB = 1024 * 1024;

let swift: Swift;
beforeAll(async () => {
  swift = await startSwift();
}, 120_000);
afterAll(() => swift?.stop());

const faults: Error[] = [];
const open = (place = swift.place) =>
  new S3Store({ place: { ...place, prefix: `${randomUUID()}/` }, onFault: (error) => faults.push(error) });

afterEach(() => expect(faults).toEqual([]));

storeContract('swift', async () => open(), ['limit', 'recency', 'clock', 'trust']);

incomingContract('swift', async (count) => {
  const prefix = `${randomUUID()}/`;
  const onFault = (error: Error) => faults.push(error);
  return Array.from({ length: count }, () => new S3Store({ place: { ...swift.place, prefix }, onFault }));
});

describe('the S3 driver at swift', () => {
  test('puts large blobs in parts, reads, verifies and removes them', async () => {
    const store = open();
    const one = content(33 * MIB + 1);
    await putBlob(store, one, {});
    expect(await store.stat(one.key)).toMatchObject({ size: one.bytes.length });
    expect(await has(store, one)).toBe(true);
    expect(await store.verify(one.key)).toBe('right');
    expect((await listed(store)).map(({ size }) => size)).toEqual([one.bytes.length]);
    expect(await store.delete(one.key)).toBe(true);
    expect(await listed(store)).toEqual([]);
    await store.close();
  });

  test('leaves nothing of an upload that was given up', async () => {
    const store = open();
    const sink = await store.put(content(1).key);
    await sink.write(randomBytes(20 * MIB));
    await sink.abort();
    expect(await faultOf(putBlob(store, { key: content(1).key, bytes: randomBytes(18 * MIB) }, {}))).toBe('digest');
    expect(await listed(store)).toEqual([]);
    await store.close();
  });

  test('removes uploads that somebody gave up a day ago', async () => {
    const place = { ...swift.place, prefix: `${randomUUID()}/` };
    const client = new S3Client({ place, now: Date.now });
    const upload = await MultipartUpload.begin(client, objectKeyOf(place.prefix, content(1).key));
    await removeAbandoned(client, Date.now());
    await upload.add(bodyOf(randomBytes(6 * MIB)));
    await upload.add(bodyOf(randomBytes(1)));
    await removeAbandoned(client, Date.now() + 25 * 3_600_000);
    await expect(upload.complete()).rejects.toThrow('NoSuchUpload');
    client.close();
  });

  test('prunes what is oldest', async () => {
    const store = open();
    for (let count = 0; count < 12; count++) await putBlob(store, content(1000));
    await putDocument(store, named('tag'), 'text');
    expect(await store.prune({ usedBefore: Date.now() - 3_600_000 })).toEqual({ entries: 0, bytes: 0 });
    const { entries } = await store.prune({ maxBytes: 5000 });
    expect(entries).toBeGreaterThanOrEqual(8);
    expect(await listed(store)).toHaveLength(13 - entries);
    await store.prune({ maxBytes: 0 });
    expect(await listed(store)).toEqual([]);
    await store.close();
  });

  test('signs addresses that are good for what they were signed for', async () => {
    const store = open();
    const [one, other] = [content(100_000), content(100)];
    await putBlob(store, one);
    await putBlob(store, other);
    const address = store.sign(one.key, 60_000);
    const response = await fetch(address);
    expect(Buffer.from(await response.arrayBuffer()).equals(one.bytes)).toBe(true);
    const range = await fetch(address, { headers: { range: 'bytes=10-19' } });
    expect([range.status, Buffer.from(await range.arrayBuffer())]).toEqual([206, one.bytes.subarray(10, 20)]);
    const changed = address.replace(one.key.digest.slice(7), other.key.digest.slice(7));
    expect((await fetch(changed)).status).toBe(403);
    await store.close();
  });

  test.each([
    ['secret', { secret: randomUUID() }],
    ['id', { id: randomUUID() }],
  ])('is refused with another %s', async (_, change) => {
    const keys = { ...(swift.place.keys as NonNullable<typeof swift.place.keys>), ...change };
    const store = open({ ...swift.place, keys });
    await expect(store.get(named('tag'))).rejects.toThrow('403 SignatureDoesNotMatch');
    expect(await faultOf(putBlob(store, content(10)))).toBe('denied');
    await store.close();
    faults.length = 0;
  });

  test('says that there is no such bucket', async () => {
    const store = open({ ...swift.place, bucket: 'nobodys' });
    await expect(store.get(named('tag'))).rejects.toThrow('there is no such bucket');
    expect(await faultOf(putBlob(store, content(10)))).toBe('io');
    await store.close();
    faults.length = 0;
  });
});
