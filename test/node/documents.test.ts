import { Documents } from '../../src/node/documents';
import { Pending } from '../../src/node/pending';
import { Hot } from '../../src/shell/hot';
import { PatientStore } from '../../src/shell/patient-store';
import { named } from '../../src/storage/key';
import { MemoryStore } from '../../src/storage/memory';
import type { About, Key, Sink, Store } from '../../src/storage/store';

const MIB = 1024 * 1024;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A store whose puts take so many milliseconds, one after the other. */
function documents(...delays: number[]) {
  const inner = new MemoryStore({ maxBytes: MIB });
  const faults: string[] = [];
  let puts = 0;
  const put = async (key: Key, about?: About): Promise<Sink> => {
    const sink = await inner.put(key, about);
    const delay = delays[puts++] ?? 0;
    return {
      written: 0,
      write: (chunk) => sink.write(chunk),
      commit: () => pause(delay).then(() => sink.commit()),
      abort: () => sink.abort(),
    };
  };
  const store = { put, get: inner.get.bind(inner), delete: inner.delete.bind(inner) } as unknown as Store;
  const pending = new Pending();
  const onFault = (error: Error) => faults.push(error.message);
  const subject = new Documents(new PatientStore(store), new Hot(), pending, onFault);
  const kept = async (name: string) => (await inner.stat(named(name)))?.head;
  return { subject, faults, kept, settle: () => pending.settle(2000), puts: () => puts };
}

test('a document that is removed while it is written stays removed', async () => {
  const { subject, kept, settle } = documents(50);
  subject.note([{ name: 'tag', document: { n: 1 } }]);
  subject.note([{ name: 'tag' }]);
  expect(await subject.find('tag')).toBeUndefined();
  await settle();
  expect(await kept('tag')).toBeUndefined();
});

test('of many that are written at once the last one stays, and few are written', async () => {
  const { subject, kept, settle, puts, faults } = documents(30, 0, 0);
  for (let n = 1; n <= 100; n += 1) subject.note([{ name: 'tag', document: { n } }]);
  subject.note([{ name: 'other', document: { n: 0 } }]);
  expect(await subject.find('tag')).toEqual({ n: 100 });
  await settle();
  expect([await kept('tag'), await kept('other'), puts(), faults]).toEqual([{ n: 100 }, { n: 0 }, 3, []]);
});

test('one that is not there is looked for once in a while', async () => {
  const inner = new MemoryStore({ maxBytes: MIB });
  const get = jest.fn(inner.get.bind(inner));
  const store = { get } as unknown as Store;
  const subject = new Documents(new PatientStore(store), new Hot(), new Pending(), () => {});
  expect([await subject.find('a'), await subject.find('a')]).toEqual([undefined, undefined]);
  expect(get).toHaveBeenCalledTimes(1);
});
