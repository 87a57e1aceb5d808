import fc from 'fast-check';
import { Window } from '../../src/node/window';

const bytesOf = (size: number) => Buffer.from(Array.from({ length: size }, (_, index) => index % 251));

test('a window holds the end of what came, and gives any part of it', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 200 }), fc.nat(), fc.nat(), (pieces, limit, one, other) => {
      const all = bytesOf(pieces.reduce((sum, each) => sum + each, 0));
      const window = new Window(limit);
      let at = 0;
      for (const piece of pieces) {
        window.push(all.subarray(at, at + piece));
        at += piece;
        expect(window.end).toBe(at);
        // A chunk more than the limit says, and never less than the last one.
        expect(window.end - window.start).toBeLessThanOrEqual(Math.max(limit, piece));
        expect(window.start).toBeLessThanOrEqual(at - piece);
      }
      const span = window.end - window.start + 1;
      const [first, end] = [one % span, other % span].sort((a, b) => a - b).map((each) => window.start + each);
      const got = Buffer.concat(window.from(first as number, end as number));
      expect(got.equals(all.subarray(first, end))).toBe(true);
    }),
  );
});

test('a window that is made smaller lets go with the next piece', () => {
  const window = new Window(1000);
  for (let count = 0; count < 10; count += 1) window.push(bytesOf(100));
  expect(window.start).toBe(0);
  window.limit = 150;
  window.push(bytesOf(50));
  expect([window.start, window.end]).toEqual([900, 1050]);
});
