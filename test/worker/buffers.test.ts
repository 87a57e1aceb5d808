import { Buffers, MAX_BUFFER, MIN_BUFFER } from '../../src/worker/buffers';

const MIB = 1024 * 1024;

function withUsers(count: number) {
  const buffers = new Buffers();
  const users = Array.from({ length: count }, () => ({}));
  return { buffers, users, closes: users.map((user) => buffers.open(user)) };
}

test.each([
  [0, MAX_BUFFER],
  [16, MAX_BUFFER],
  [17, MAX_BUFFER / 2],
  [100, 128 * 1024],
  [10_000, MIN_BUFFER],
])('with %d bodies under way, each has a buffer of %d bytes', (count, size) => {
  const { buffers, users } = withUsers(count);
  expect([buffers.size, users.length]).toEqual([size, count]);
});

test('all of them together stay within what an isolate can spare', () => {
  const totals = [1, 16, 17, 60, 200, 256].map((count) => withUsers(count).buffers.size * count);
  expect(Math.max(...totals)).toBeLessThanOrEqual(16 * MIB);
});

test('what has ended leaves its memory to the others', () => {
  const { buffers, closes } = withUsers(40);
  expect(buffers.size).toBe(MAX_BUFFER / 4);
  for (const close of closes.slice(0, 30)) close();
  expect(buffers.size).toBe(MAX_BUFFER);
});
