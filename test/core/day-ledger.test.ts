import { DayLedger, dayOf, MAX_COUNTED_REGISTRIES, nextDay } from '../../src/core/day-ledger';
import { MAX_CLIENTS } from '../../src/core/rate-limit';

const NOON = Date.parse('2026-02-28T12:00:00Z');
const NEXT = Date.parse('2026-03-01T00:00:00Z');

function ledgerAt(now = NOON): DayLedger {
  const ledger = new DayLedger();
  ledger.turn(now);
  return ledger;
}

describe('a day', () => {
  test.each([
    ['2026-02-28T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['2026-02-28T23:59:59.999Z', '2026-03-01T00:00:00.000Z'],
    ['2026-12-31T12:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ])('that holds %s is followed by one that begins at %s', (time, next) => {
    expect(new Date(nextDay(Date.parse(time))).toISOString()).toBe(next);
    expect(dayOf(Date.parse(next))).toBe(dayOf(Date.parse(time)) + 1);
  });
});

describe('a ledger', () => {
  test('keeps clients and registries apart, and each from the others', () => {
    const ledger = ledgerAt();
    ledger.add('client', 'a', 'bytes', 5);
    ledger.add('client', 'a', 'requests', 1);
    ledger.add('upstream', 'a', 'bytes', 7);
    expect(ledger.used('client', 'a')).toEqual({ bytes: 5, requests: 1 });
    expect(ledger.used('upstream', 'a')).toEqual({ bytes: 7, requests: 0 });
    expect(ledger.used('client', 'b')).toEqual({ bytes: 0, requests: 0 });
  });

  test('counts the bytes of a body as they flow, once', () => {
    const ledger = ledgerAt();
    const holder = { bytes: 10 };
    const stop = ledger.follow('a', holder);
    expect(ledger.used('client', 'a').bytes).toBe(0);
    holder.bytes = 25;
    expect(ledger.used('client', 'a').bytes).toBe(15);
    expect(ledger.used('client', 'a').bytes).toBe(15);
    holder.bytes = 30;
    stop();
    stop();
    holder.bytes = 99;
    expect(ledger.used('client', 'a').bytes).toBe(20);
  });

  test('begins anew with the day, and leaves to each day what flowed in it', () => {
    const ledger = ledgerAt(NEXT - 1);
    ledger.add('upstream', 'docker.io', 'requests', 3);
    ledger.add('client', 'gone', 'requests', 1);
    const holder = { bytes: 0 };
    const stop = ledger.follow('a', holder);
    holder.bytes = 40;
    ledger.turn(NEXT);
    expect(ledger.used('client', 'a').bytes).toBe(0);
    expect([...ledger.names('client')]).toEqual(['a']);
    expect(ledger.used('upstream', 'docker.io').requests).toBe(0);
    holder.bytes = 42;
    stop();
    expect(ledger.used('client', 'a').bytes).toBe(2);
  });

  test('adds what others have counted of the same day, and forgets that with it', () => {
    const ledger = ledgerAt();
    ledger.add('client', 'a', 'requests', 1);
    ledger.others = {
      client: new Map([['a', { bytes: 5, requests: 2 }]]),
      upstream: new Map([['docker.io', { bytes: 9, requests: 1 }]]),
    };
    expect(ledger.used('client', 'a')).toEqual({ bytes: 5, requests: 3 });
    expect(ledger.used('upstream', 'docker.io')).toEqual({ bytes: 9, requests: 1 });
    expect(ledger.own.client.get('a')).toEqual({ bytes: 0, requests: 1 });
    ledger.turn(NEXT);
    expect(ledger.used('upstream', 'docker.io')).toEqual({ bytes: 0, requests: 0 });
  });

  test('tells 80 % and all of a limit once each, and of a higher limit again', () => {
    const ledger = ledgerAt();
    const marks = (count: number, limit: number) => {
      ledger.add('client', 'a', 'requests', count);
      return ledger.mark('client', 'a', 'requests', limit);
    };
    expect([marks(7, 10), marks(1, 10), marks(1, 10), marks(1, 10), marks(1, 10)]).toEqual([
      undefined,
      0.8,
      undefined,
      1,
      undefined,
    ]);
    expect(marks(8, 20)).toBe(0.8);
    expect(marks(1, 20)).toBe(1);
  });

  test('tells only the last mark where two are passed at once', () => {
    const ledger = ledgerAt();
    ledger.add('upstream', 'a', 'bytes', 100);
    expect(ledger.mark('upstream', 'a', 'bytes', 100)).toBe(1);
    expect(ledger.mark('upstream', 'a', 'bytes', 100)).toBeUndefined();
  });

  test('remembers so many clients, and forgets the one that was silent for longest', () => {
    const ledger = ledgerAt();
    for (let index = 0; index < MAX_CLIENTS; index++) ledger.add('client', `${index}`, 'requests', 1);
    ledger.add('client', '0', 'requests', 1);
    ledger.add('client', 'one more', 'requests', 1);
    expect(ledger.names('client').size).toBe(MAX_CLIENTS);
    expect(ledger.used('client', '0').requests).toBe(2);
    expect(ledger.used('client', '1').requests).toBe(0);
  });

  test('remembers so many registries, and names that are made up make it forget none that is used', () => {
    const ledger = ledgerAt();
    ledger.add('upstream', 'docker.io', 'requests', 3);
    ledger.add('upstream', 'ghcr.io', 'bytes', 5_000_000);
    for (let index = 0; index < 2 * MAX_COUNTED_REGISTRIES; index++) {
      ledger.add('upstream', `${index}.registry.test`, 'requests', 1);
    }
    expect(ledger.names('upstream').size).toBe(MAX_COUNTED_REGISTRIES);
    expect(ledger.used('upstream', 'docker.io').requests).toBe(3);
    expect(ledger.used('upstream', 'ghcr.io').bytes).toBe(5_000_000);
    expect(ledger.used('upstream', `${2 * MAX_COUNTED_REGISTRIES - 1}.registry.test`).requests).toBe(1);
  });

  test('takes a body for over that brought nothing for too long, where ends are not seen, and holds on to it no more', () => {
    const ledger = new DayLedger(60_000);
    ledger.turn(NOON);
    const [left, slow] = [{ bytes: 0 }, { bytes: 0 }];
    ledger.follow('a', left);
    ledger.follow('a', slow);
    left.bytes = 5;
    slow.bytes = 7;
    expect(ledger.used('client', 'a').bytes).toBe(12);
    ledger.turn(NOON + 50_000);
    slow.bytes = 9;
    expect(ledger.used('client', 'a').bytes).toBe(14);
    ledger.turn(NOON + 100_000);
    slow.bytes = 11;
    expect(ledger.used('client', 'a').bytes).toBe(16);
    left.bytes = 1000;
    slow.bytes = 12;
    expect(ledger.used('client', 'a').bytes).toBe(17);
    ledger.turn(NEXT);
    expect([...ledger.names('client')]).toEqual([]);
  });

  test('that has forgotten a client lets its body end', () => {
    const ledger = ledgerAt();
    const holder = { bytes: 0 };
    const stop = ledger.follow('a', holder);
    for (let index = 0; index < MAX_CLIENTS; index++) ledger.add('client', `${index}`, 'requests', 1);
    holder.bytes = 5;
    stop();
    expect(ledger.used('client', 'a').bytes).toBe(0);
  });
});
