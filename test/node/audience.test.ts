import { Audience, LINGER_TIME, RETURN_TIME } from '../../src/node/audience';

let now = 0;

beforeEach(() => {
  now = 1000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => jest.restoreAllMocks());

const goOn = (audience: Audience) =>
  audience.keepPace(
    1,
    () => false,
    () => false,
  );

test('a download goes on for longer for who was told to come again than for who left', async () => {
  const [told, left] = [new Audience(), new Audience()];
  told.wait()(true);
  left.wait()(false);
  now += LINGER_TIME + 1;
  await goOn(told);
  await expect(goOn(left)).rejects.toThrow('nobody reads it');
  // Who reads a little meanwhile makes it no shorter.
  told.leave(told.join(0));
  now = 1000 + RETURN_TIME;
  await goOn(told);
  now += 1;
  await expect(goOn(told)).rejects.toThrow('nobody reads it');
});

test('a download goes on at nobody’s pace for who waits', async () => {
  const audience = new Audience();
  const leave = audience.wait();
  now += 10 * RETURN_TIME;
  await goOn(audience);
  leave(true);
  await goOn(audience);
});
