import { Counter, Histogram, MAX_SERIES } from '../../src/node/metric-series';
import type { Metric } from '../../src/node/metric-table';

const counter: Metric = { name: 'x_total', type: 'counter', labels: ['one', 'two'], help: '' };

test('a counter adds up by its labels', () => {
  const counted = new Counter(counter);
  counted.add(1, 'a', 'b');
  counted.cell('a', 'b').value += 4;
  counted.add(2, 'a', 'c');
  expect(counted.samples()).toEqual([
    { labels: { one: 'a', two: 'b' }, value: 5 },
    { labels: { one: 'a', two: 'c' }, value: 2 },
  ]);
});

test(`from ${MAX_SERIES} combinations on, all others are counted as one, and none is lost`, () => {
  const counted = new Counter(counter);
  for (let n = 0; n < 2 * MAX_SERIES; n++) counted.add(1, 'status', String(n));
  counted.add(1, 'status', '0');
  const samples = counted.samples();
  expect(samples).toHaveLength(MAX_SERIES + 1);
  expect(samples[0]).toEqual({ labels: { one: 'status', two: '0' }, value: 2 });
  expect(samples.at(-1)).toEqual({ labels: { one: 'other', two: 'other' }, value: MAX_SERIES });
  expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(2 * MAX_SERIES + 1);
});

test('a histogram counts in seconds, each bucket all that is below it', () => {
  const name = 'y_seconds';
  const histogram = new Histogram({ name, type: 'histogram', labels: ['one'], help: '', buckets: [0.1, 1] });
  for (const milliseconds of [50, 100, 101, 5000]) histogram.observe(milliseconds, 'a');
  expect(histogram.samples()).toEqual([
    { metricName: 'y_seconds_bucket', labels: { one: 'a', le: 0.1 }, value: 2 },
    { metricName: 'y_seconds_bucket', labels: { one: 'a', le: 1 }, value: 3 },
    { metricName: 'y_seconds_bucket', labels: { one: 'a', le: '+Inf' }, value: 4 },
    { metricName: 'y_seconds_sum', labels: { one: 'a' }, value: expect.closeTo(5.251) },
    { metricName: 'y_seconds_count', labels: { one: 'a' }, value: 4 },
  ]);
});
