import { createLog } from '../../src/shell/log';
import { faultReporter, SILENT_TIME } from '../../src/shell/store-faults';
import { StoreError } from '../../src/storage/store-error';

test('faults of one kind are said once a minute, with how many there were before', () => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  let now = 1_000_000;
  const report = faultReporter(log, () => now);
  const said = () => lines.splice(0).map(({ level, fault, why, before }) => [level, fault, why, before]);
  for (const name of ['one', 'two', 'three']) report(new StoreError('full', name));
  report(new StoreError('denied', 'other'));
  report(new TypeError('strange'));
  expect(said()).toEqual([
    ['warn', 'full', 'one', undefined],
    ['warn', 'denied', 'other', undefined],
    ['warn', 'TypeError', 'strange', undefined],
  ]);
  now += SILENT_TIME - 1;
  report(new StoreError('full', 'four'));
  expect(said()).toEqual([]);
  now += 1;
  report(new StoreError('full', 'five'));
  report(new StoreError('full', 'six'));
  expect(said()).toEqual([['warn', 'full', 'five', 3]]);
  now += SILENT_TIME;
  report(new StoreError('denied', 'again'));
  expect(said()).toEqual([['warn', 'denied', 'again', undefined]]);
});
