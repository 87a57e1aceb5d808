import type { Claim, Incoming, Store } from '../../src/storage/store';
import { bytesFrom, type Content, content, contentOf, faultOf, has, listed } from './bytes';

const MIB = 1024 * 1024;
const PIECE = 8 * MIB;

/**
 * What a store has to do through which processes fetch a blob together: the sentences that node/shared-fetch.ts relies on. `make` gives
 * stores of several processes, empty and with one place.
 */
export function incomingContract(driver: string, make: (count: number) => Promise<Store[]>): void {
  const stores: Store[] = [];
  const open = async (count = 2) => {
    const made = await make(count);
    stores.push(...made);
    return made.map((store) => ({ store, incoming: store.incoming as Incoming }));
  };
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });

  const fill = async (claim: Claim, { bytes }: Content, first = 0, end = bytes.length) => {
    for (let at = first; at < end; at += MIB) await claim.write(bytes.subarray(at, Math.min(at + MIB, end)));
  };
  const right = (claim: Claim | undefined) => claim as Claim;
  const until = async <T>(look: () => Promise<T>, isReached: (seen: T) => boolean): Promise<T> => {
    for (const deadline = Date.now() + 30_000; ; ) {
      const seen = await look();
      if (isReached(seen)) return seen;
      if (Date.now() > deadline) throw new Error(`not within 30 s; at last ${JSON.stringify(seen)}`);
      await new Promise((wake) => setTimeout(wake, 50));
    }
  };

  describe(`what is on its way into the ${driver} store`, () => {
    test('is nobody’s before it is claimed, and belongs to one', async () => {
      const [one, other] = await open();
      const { key } = content(1);
      expect(await other?.incoming.fetcher(key)).toBeUndefined();
      const claim = await one?.incoming.claim(key, 3 * MIB);
      expect(claim).toBeDefined();
      expect(await other?.incoming.fetcher(key)).toMatchObject({ size: 3 * MIB, written: 0 });
      expect(await other?.incoming.claim(key, 3 * MIB)).toBeUndefined();
      expect(await right(claim).renew()).toBe(true);
      await right(claim).release();
      expect(await other?.incoming.fetcher(key)).toBeUndefined();
      const next = await other?.incoming.claim(key, 3 * MIB);
      expect(next).toBeDefined();
      await right(next).release();
    });

    test('belongs to one of those who want it at once', async () => {
      const all = await open(4);
      const { key } = content(1);
      const claims = await Promise.all(all.map(({ incoming }) => incoming.claim(key, 3 * MIB)));
      const made = claims.filter((each) => each !== undefined);
      const kept = await Promise.all(made.map((each) => each.renew()));
      expect(kept.filter(Boolean)).toHaveLength(1);
      for (const each of made) await each.release();
    });

    test('is stored without pieces where it is small', async () => {
      const [one, other] = await open();
      const small = content(2 * MIB);
      const claim = right(await one?.incoming.claim(small.key, small.bytes.length));
      await fill(claim, small);
      expect(await other?.incoming.look(small.key, small.bytes.length, 0)).toEqual({ pieces: [], isFetched: true });
      await claim.commit();
      expect(await has(other?.store as Store, small)).toBe(true);
      expect(await other?.incoming.look(small.key, small.bytes.length, 0)).toEqual({ pieces: [], isFetched: false });
      expect(await other?.incoming.fetcher(small.key)).toBeUndefined();
    });

    test.each([2 * MIB, PIECE + MIB])('is not stored where some of its %d bytes are missing', async (size) => {
      const [one] = await open();
      const blob = content(size);
      const claim = right(await one?.incoming.claim(blob.key, size));
      await fill(claim, blob, MIB);
      expect(await faultOf(claim.commit())).toBe('length');
      expect(await has(one?.store as Store, blob)).toBe(false);
      await claim.release();
    });

    test('is read by others while it grows, then it is stored, and nothing else is left', async () => {
      const [one, other] = await open();
      const large = content(2 * PIECE + 12_345);
      const { length } = large.bytes;
      const incoming = other?.incoming as Incoming;
      const claim = right(await one?.incoming.claim(large.key, length));
      await fill(claim, large, 0, PIECE + MIB);
      const look = () => incoming.look(large.key, length, 0);
      const found = await until(look, ({ pieces }) => pieces.length > 0);
      expect(found).toMatchObject({ pieces: [{ first: 0, size: PIECE }], isFetched: true });
      const [piece] = found.pieces;
      const bytes = await bytesFrom((await incoming.read(large.key, piece as never)) as never);
      expect(bytes.equals(large.bytes.subarray(0, PIECE))).toBe(true);
      const rest = await bytesFrom((await incoming.read(large.key, piece as never, PIECE - 5)) as never);
      expect(rest.equals(large.bytes.subarray(PIECE - 5, PIECE))).toBe(true);
      expect(await claim.renew()).toBe(true);
      expect(await incoming.fetcher(large.key)).toEqual(expect.objectContaining({ size: length, written: PIECE }));
      expect([await listed(other?.store as Store), await other?.store.stat(large.key)]).toEqual([[], undefined]);
      await fill(claim, large, PIECE + MIB);
      await claim.commit();
      expect(await has(other?.store as Store, large)).toBe(true);
      expect(await incoming.look(large.key, length, 0)).toEqual({ pieces: [], isFetched: false });
      expect(await incoming.read(large.key, piece as never)).toBeUndefined();
      expect(await one?.store.verify(large.key)).toBe('right');
    });

    test('is gone on with where somebody gave it up', async () => {
      const [one, other] = await open();
      const large = content(3 * PIECE);
      const { length } = large.bytes;
      const first = right(await one?.incoming.claim(large.key, length));
      await fill(first, large, 0, 2 * PIECE + MIB);
      await first.release();
      const incoming = other?.incoming as Incoming;
      const second = right(await incoming.claim(large.key, length));
      const { pieces } = await incoming.look(large.key, length, 0);
      expect(pieces.map(({ first }) => first)).toEqual([0, PIECE]);
      expect((await incoming.look(large.key, length, PIECE)).pieces.map(({ first }) => first)).toEqual([PIECE]);
      for (const piece of pieces) second.adopt(piece);
      await fill(second, large, 2 * PIECE);
      await second.commit();
      expect(await has(one?.store as Store, large)).toBe(true);
      expect(await incoming.look(large.key, length, 0)).toEqual({ pieces: [], isFetched: false });
    });

    test('of another size is another blob’s', async () => {
      const [one, other] = await open();
      const large = content(2 * PIECE + 1);
      const claim = right(await one?.incoming.claim(large.key, large.bytes.length));
      await fill(claim, large);
      const incoming = other?.incoming as Incoming;
      await until(
        () => incoming.look(large.key, large.bytes.length, 0),
        ({ pieces }) => pieces.length > 0,
      );
      expect((await incoming.look(large.key, large.bytes.length + 1, 0)).pieces).toEqual([]);
      await claim.release();
    });

    test('is removed where it is wrong, all of it', async () => {
      const [one, other] = await open();
      const large = content(2 * PIECE + 1);
      const claim = right(await one?.incoming.claim(large.key, large.bytes.length));
      await fill(claim, large);
      await claim.discard();
      const incoming = other?.incoming as Incoming;
      expect(await incoming.look(large.key, large.bytes.length, 0)).toEqual({ pieces: [], isFetched: false });
      expect(await other?.store.stat(large.key)).toBeUndefined();
    });

    test('takes no more than was announced, and adopts nothing out of turn', async () => {
      const [one] = await open(1);
      const { key } = content(1);
      const claim = right(await one?.incoming.claim(key, 2 * MIB));
      await claim.write(Buffer.alloc(MIB));
      expect(() => claim.adopt({ name: 'x', first: PIECE, size: 1 })).toThrow('does not come next');
      expect(await faultOf(claim.write(Buffer.alloc(MIB + 1)))).toBe('length');
      await claim.release();
    });

    test('stays for others when its store is closed', async () => {
      const [one, other] = await open();
      const large = contentOf(Buffer.alloc(2 * PIECE, 5));
      const claim = right(await one?.incoming.claim(large.key, large.bytes.length));
      await fill(claim, large, 0, PIECE + MIB);
      await one?.store.close();
      const incoming = other?.incoming as Incoming;
      const { pieces, isFetched } = await incoming.look(large.key, large.bytes.length, 0);
      expect([pieces.length, isFetched]).toEqual([1, false]);
      expect(one && (await faultOf(one.incoming.claim(large.key, 5)))).toBe('closed');
    });
  });
}
