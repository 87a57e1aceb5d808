import { MAX_WAITING, PLACE_TIMEOUT, Places } from '../../src/shell/places';

const stays = () => new AbortController().signal;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Lets everything happen that is only waiting for its turn. */
const settled = () => jest.advanceTimersByTimeAsync(0);

const take = (places: Places, client: string, limit: number, signal = stays(), holder = { bytes: 0 }) =>
  places.take(client, limit, signal, holder);

/** A place that is there to be had. */
async function have(places: Places, client: string, limit: number, holder = { bytes: 0 }): Promise<() => void> {
  const giveBack = await take(places, client, limit, stays(), holder);
  if (!giveBack) throw new Error('no place');
  return giveBack;
}

describe('a place', () => {
  test('is had at once as long as there is one, for each client by itself', async () => {
    const places = new Places();
    await Promise.all([have(places, 'a', 2), have(places, 'a', 2), have(places, 'b', 2)]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('goes to those who wait in the order they came', async () => {
    const places = new Places();
    const ends = [await have(places, 'a', 1)];
    const order: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      void have(places, 'a', 1).then((giveBack) => {
        order.push(name);
        ends.push(giveBack);
      });
    }
    await settled();
    expect(order).toEqual([]);
    for (const count of [1, 2, 3]) {
      ends[count - 1]();
      await settled();
      expect(order).toEqual(['first', 'second', 'third'].slice(0, count));
    }
    expect(jest.getTimerCount()).toBe(0);
  });

  test(`is waited for ${PLACE_TIMEOUT / 1000} s, and no longer`, async () => {
    const places = new Places();
    const giveBack = await have(places, 'a', 1);
    const waiting = jest.fn();
    void take(places, 'a', 1).then(waiting);
    await jest.advanceTimersByTimeAsync(PLACE_TIMEOUT - 1);
    expect(waiting).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(waiting).toHaveBeenCalledWith(undefined);
    // the one that gave up takes nothing from those who come after
    giveBack();
    await have(places, 'a', 1);
  });

  test('is not waited for by a client that has left', async () => {
    const places = new Places();
    const client = new AbortController();
    const giveBack = await have(places, 'a', 1);
    const waiting = take(places, 'a', 1, client.signal);
    client.abort();
    expect(await waiting).toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
    expect(await take(places, 'a', 1, client.signal)).toBeUndefined();
    giveBack();
    expect(places.size).toBe(0);
  });

  test(`has no queue of more than ${MAX_WAITING}`, async () => {
    const places = new Places();
    await have(places, 'a', 1);
    const clients = Array.from({ length: MAX_WAITING }, () => new AbortController());
    const waiting = clients.map(({ signal }) => take(places, 'a', 1, signal));
    expect(await take(places, 'a', 1)).toBeUndefined();
    for (const client of clients) client.abort();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
  });

  test('is not handed on where there are fewer of them meanwhile', async () => {
    const places = new Places();
    const ends = await Promise.all([1, 2, 3].map(() => have(places, 'a', 3)));
    const waiting = jest.fn();
    void have(places, 'a', 1).then(waiting);
    ends[0]();
    ends[1]();
    await settled();
    expect(waiting).not.toHaveBeenCalled();
    ends[2]();
    await settled();
    expect(waiting).toHaveBeenCalledTimes(1);
  });

  test('is given back once, however often it is said', async () => {
    const places = new Places();
    const [giveBack] = await Promise.all([have(places, 'a', 2), have(places, 'a', 2)]);
    giveBack();
    giveBack();
    await have(places, 'a', 2);
    expect(await take(places, 'a', 2, AbortSignal.abort())).toBeUndefined();
  });

  test('leaves nothing behind when all have gone', async () => {
    const places = new Places();
    const ends = await Promise.all(['a', 'b', 'c'].map((client) => have(places, client, 1)));
    const waiting = have(places, 'a', 1);
    for (const giveBack of ends) giveBack();
    (await waiting)();
    expect(places.size).toBe(0);
  });
});

describe('where an end may not be seen', () => {
  const LEASE = 60_000;
  const leased = () => new Places({ patience: PLACE_TIMEOUT, lease: LEASE });

  test('a place whose holder has moved nothing for long is free', async () => {
    const places = leased();
    const lost = await have(places, 'a', 1);
    await jest.advanceTimersByTimeAsync(LEASE);
    await have(places, 'a', 1);
    // should it be given back after all, it is nobody else's
    lost();
    expect(await take(places, 'a', 1, AbortSignal.abort())).toBeUndefined();
  });

  test('a place whose holder goes on is not', async () => {
    const places = leased();
    const holder = { bytes: 0 };
    await have(places, 'a', 1, holder);
    for (let minute = 0; minute < 5; minute += 1) {
      await jest.advanceTimersByTimeAsync(LEASE);
      holder.bytes += 1;
      expect(await take(places, 'a', 1, AbortSignal.abort())).toBeUndefined();
    }
  });

  test('who waits gets it', async () => {
    const places = leased();
    await have(places, 'a', 1);
    await jest.advanceTimersByTimeAsync(LEASE - PLACE_TIMEOUT);
    const waiting = have(places, 'a', 1);
    await jest.advanceTimersByTimeAsync(PLACE_TIMEOUT);
    await waiting;
  });
});
