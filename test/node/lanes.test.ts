import { Lanes, MAX_HELD } from '../../src/node/lanes';

describe('lanes', () => {
  test('have 64 MiB, of which one body gets most', () => {
    expect(MAX_HELD).toBe(64 * 1024 * 1024);
    expect(new Lanes().share).toBe(0.75 * MAX_HELD);
  });

  test('are shared by the bodies that are there', () => {
    const lanes = new Lanes(1000);
    const shares = [1, 2, 3, 4].map(() => {
      lanes.enter();
      return Math.floor(lanes.share);
    });
    expect(shares).toEqual([750, 500, 333, 250]);
    lanes.leave();
    lanes.leave();
    expect(lanes.share).toBe(500);
  });

  test('never hold more than there is', () => {
    const lanes = new Lanes(1000);
    expect([lanes.reserve(600), lanes.reserve(401), lanes.hasRoom(400), lanes.reserve(400)]).toEqual([
      true,
      false,
      true,
      true,
    ]);
    lanes.free(600);
    expect([lanes.reserved, lanes.hasRoom(601), lanes.hasRoom(600)]).toEqual([400, false, true]);
  });
});
