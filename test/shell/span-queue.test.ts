import { BATCH_BYTES, BATCH_SPANS, MAX_SPAN_BYTES, MAX_SPANS, SpanQueue } from '../../src/shell/span-queue';

const filled = (count: number, length = 10) => {
  const queue = new SpanQueue();
  for (let index = 0; index < count; index += 1) queue.add(`${index} `.padEnd(length, 'x'));
  return queue;
};

describe('spans that wait', () => {
  test('are given out in their order, as many as one export has', () => {
    const queue = filled(BATCH_SPANS + 3);
    const first = queue.take();
    expect([first.length, first[0]?.trim().startsWith('0 '), queue.size]).toEqual([BATCH_SPANS, true, 3]);
    expect(queue.take()).toHaveLength(3);
    expect(queue.take()).toEqual([]);
  });

  test('are given out by size as well, and a large one alone', () => {
    const queue = filled(3, BATCH_BYTES / 2 + 1);
    expect([queue.take().length, queue.take().length, queue.take().length]).toEqual([1, 1, 1]);
  });

  test.each([
    ['number', MAX_SPANS, 10],
    ['size', 4, MAX_SPAN_BYTES / 4],
  ])('have room by %s: what comes later is dropped, and counted', (_, room, length) => {
    const queue = filled(room + 5, length);
    expect([queue.size, queue.dropped]).toEqual([room, 5]);
    queue.take();
    queue.add('later');
    expect(queue.dropped).toBe(5);
  });

  test('that could not be exported come first again, as far as there is room', () => {
    const queue = filled(MAX_SPANS);
    const taken = queue.take();
    for (let index = 0; index < 10; index += 1) queue.add('later');
    queue.restore(taken);
    expect([queue.size, queue.dropped]).toEqual([MAX_SPANS, 10]);
    expect(queue.take()).toEqual(taken);
  });

  test('are counted where they are given up', () => {
    const queue = filled(7);
    queue.clear();
    expect([queue.size, queue.dropped, queue.take()]).toEqual([0, 7, []]);
    for (let index = 0; index < 4; index += 1) queue.add('x'.repeat(MAX_SPAN_BYTES / 4));
    expect(queue.size).toBe(4);
  });
});
