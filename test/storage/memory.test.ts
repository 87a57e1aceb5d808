import { MemoryStore } from '../../src/storage/memory';
import { content, faultOf, has, listed, putBlob } from './bytes';
import { storeContract } from './contract';

const KIB = 1024;

storeContract('memory', async (options) => new MemoryStore(options));

describe('the memory store', () => {
  test('counts what is being written, and gives it back', async () => {
    const store = new MemoryStore({ maxBytes: 1000 * KIB });
    const old = content(200 * KIB);
    await putBlob(store, old);
    const bodies = Array.from({ length: 5 }, () => content(220 * KIB));
    const sinks = await Promise.all(bodies.map(({ key }) => store.put(key)));
    const faults: string[] = [];
    for (const [index, sink] of sinks.entries())
      faults.push(await faultOf(sink.write(bodies[index]?.bytes ?? Buffer.alloc(0))));
    expect(faults).toEqual(['none', 'none', 'none', 'none', 'full']);
    expect(await store.stat(old.key)).toBeUndefined();
    for (const sink of sinks) await sink.abort();
    for (const each of bodies.slice(0, 4)) await putBlob(store, each);
    expect(await listed(store)).toHaveLength(4);
  });

  test('says what it has without looking', async () => {
    const store = new MemoryStore({ maxBytes: 1000 * KIB });
    expect(store.occupied).toEqual({ entries: 0, bytes: 0 });
    const body = content(20 * KIB);
    await putBlob(store, body);
    expect(store.occupied.entries).toBe(1);
    expect(store.occupied.bytes).toBeGreaterThanOrEqual(20 * KIB);
    await store.delete(body.key);
    expect(store.occupied).toEqual({ entries: 0, bytes: 0 });
  });

  test('keeps what is there when there is no room for what comes', async () => {
    const store = new MemoryStore({ maxBytes: 1000 * KIB });
    const sinks = await Promise.all(Array.from({ length: 4 }, () => store.put(content(10).key)));
    for (const sink of sinks) await sink.write(Buffer.alloc(230 * KIB));
    const small = content(20 * KIB);
    await putBlob(store, small);
    const late = await store.put(content(10).key);
    expect(await faultOf(late.write(Buffer.alloc(200 * KIB)))).toBe('full');
    expect(await has(store, small)).toBe(true);
  });

  test('counts more than bodies: a million small documents are not free', async () => {
    const store = new MemoryStore({ maxBytes: 100 * KIB });
    for (let index = 0; index < 500; index++) {
      const sink = await store.put({ kind: 'document', name: `tag ${index}` });
      await sink.commit();
    }
    expect((await listed(store)).length).toBeLessThan(200);
  });
});
