import type { ImageReport } from '../../src/core/inspect/report';
import type { Wanted } from '../../src/core/inspect/wanted';
import { eachOf } from '../../src/shell/each-of';
import { Inspections } from '../../src/shell/inspections';

const wanted = (reference: string) => ({ registry: 'r', repository: 'a', reference }) as Wanted;
const report = (digest: string, layers = 1) =>
  ({ digest, platforms: [{ layers: Array.from({ length: layers }, () => ({})) }] }) as unknown as ImageReport;

describe('looks at images', () => {
  test('are eight at a time, and one more is told when to come again', async () => {
    const inspections = new Inspections();
    let end: () => void = () => {};
    const wait = new Promise<void>((resolve) => {
      end = resolve;
    });
    const looks = Array.from({ length: 8 }, () => inspections.take(() => wait));
    await expect(inspections.take(async () => {})).rejects.toMatchObject({
      status: 429,
      headers: [['retry-after', '5']],
    });
    end();
    await Promise.all(looks);
    await expect(inspections.take(async () => 'seen')).resolves.toBe('seen');
    await expect(inspections.take(() => Promise.reject(new Error('not seen')))).rejects.toThrow('not seen');
    await expect(Promise.all(Array.from({ length: 8 }, () => inspections.take(async () => 1)))).resolves.toHaveLength(
      8,
    );
  });

  test('one that nobody ends gives its place back after a minute', async () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000);
    const inspections = new Inspections();
    for (let n = 0; n < 8; n++) void inspections.take(() => new Promise(() => {}));
    await expect(inspections.take(async () => {})).rejects.toMatchObject({ status: 429 });
    now.mockReturnValue(1_060_001);
    await expect(inspections.take(async () => 'seen')).resolves.toBe('seen');
    now.mockRestore();
  });

  test('are remembered, the fifty last ones, and none that is too large', () => {
    const inspections = new Inspections();
    for (let n = 0; n <= 50; n++) inspections.keep(wanted(String(n)), report(`d${n}`));
    expect([inspections.get(wanted('0')), inspections.get(wanted('50'))?.digest]).toEqual([undefined, 'd50']);
    inspections.keep(wanted('50'), report('new'));
    expect([inspections.get(wanted('50'))?.digest, inspections.get(wanted('1'))?.digest]).toEqual(['new', 'd1']);
    inspections.keep(wanted('huge'), report('d', 501));
    expect(inspections.get(wanted('huge'))).toBeUndefined();
  });
});

test('each of a list is worked on, so many at a time, and what comes of it is in their order', async () => {
  let [underWay, most] = [0, 0];
  const outcomes = await eachOf([5, 3, 4, 1, 2], 2, async (item) => {
    underWay += 1;
    most = Math.max(most, underWay);
    for (let n = 0; n < item; n++) await Promise.resolve();
    underWay -= 1;
    return item * 2;
  });
  expect([outcomes, most]).toEqual([[10, 6, 8, 2, 4], 2]);
  expect(await eachOf([], 3, async () => 1)).toEqual([]);
});
