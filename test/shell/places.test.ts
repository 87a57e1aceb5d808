import { MAX_WAITING, PLACE_TIMEOUT, Places } from '../../src/shell/places';

const stays = () => new AbortController().signal;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Lets everything happen that is only waiting for its turn. */
const settled = () => jest.advanceTimersByTimeAsync(0);

describe('a place', () => {
  test('is had at once as long as there is one, for each client by itself', async () => {
    const places = new Places();
    expect(await Promise.all([places.take('a', 2, stays()), places.take('a', 2, stays())])).toEqual([true, true]);
    expect(await places.take('b', 2, stays())).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('goes to those who wait in the order they came', async () => {
    const places = new Places();
    await places.take('a', 1, stays());
    const order: string[] = [];
    for (const name of ['first', 'second', 'third']) void places.take('a', 1, stays()).then(() => order.push(name));
    await settled();
    expect(order).toEqual([]);
    for (const count of [1, 2, 3]) {
      places.giveBack('a');
      await settled();
      expect(order).toEqual(['first', 'second', 'third'].slice(0, count));
    }
    expect(jest.getTimerCount()).toBe(0);
  });

  test(`is waited for ${PLACE_TIMEOUT / 1000} s, and no longer`, async () => {
    const places = new Places();
    await places.take('a', 1, stays());
    const waiting = jest.fn();
    void places.take('a', 1, stays()).then(waiting);
    await jest.advanceTimersByTimeAsync(PLACE_TIMEOUT - 1);
    expect(waiting).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(waiting).toHaveBeenCalledWith(false);
    // the one that gave up takes nothing from those who come after
    places.giveBack('a');
    expect(await places.take('a', 1, stays())).toBe(true);
  });

  test('is not waited for by a client that has left', async () => {
    const places = new Places();
    const client = new AbortController();
    await places.take('a', 1, stays());
    const waiting = places.take('a', 1, client.signal);
    client.abort();
    expect(await waiting).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
    expect(await places.take('a', 1, client.signal)).toBe(false);
    places.giveBack('a');
    expect(places.size).toBe(0);
  });

  test(`has no queue of more than ${MAX_WAITING}`, async () => {
    const places = new Places();
    await places.take('a', 1, stays());
    const clients = Array.from({ length: MAX_WAITING }, () => new AbortController());
    const waiting = clients.map(({ signal }) => places.take('a', 1, signal));
    expect(await places.take('a', 1, stays())).toBe(false);
    for (const client of clients) client.abort();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([false]));
  });

  test('is not handed on where there are fewer of them meanwhile', async () => {
    const places = new Places();
    await Promise.all([1, 2, 3].map(() => places.take('a', 3, stays())));
    const waiting = jest.fn();
    void places.take('a', 1, stays()).then(waiting);
    places.giveBack('a');
    places.giveBack('a');
    await settled();
    expect(waiting).not.toHaveBeenCalled();
    places.giveBack('a');
    await settled();
    expect(waiting).toHaveBeenCalledWith(true);
  });

  test('leaves nothing behind when all have gone', async () => {
    const places = new Places();
    for (const client of ['a', 'b', 'c']) await places.take(client, 1, stays());
    void places.take('a', 1, stays());
    for (const client of ['a', 'a', 'b', 'c']) places.giveBack(client);
    places.giveBack('nobody');
    expect(places.size).toBe(0);
  });
});
