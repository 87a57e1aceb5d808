import { Pending } from '../../src/node/pending';

const never = () => {
  throw new Error('nothing went wrong');
};

test('work is waited for, and what comes of it as well', async () => {
  const pending = new Pending();
  const over: string[] = [];
  const begin = async (name: string) => {
    await new Promise(setImmediate);
    over.push(name);
    if (name === 'first') pending.add(begin('second'), never);
  };
  pending.add(begin('first'), never);
  await pending.settle(1000);
  expect(over).toEqual(['first', 'second']);
});

test('a fault is told, and ends nothing', async () => {
  const pending = new Pending();
  const told: Error[] = [];
  const fault = new Error('disk full');
  pending.add(Promise.reject(fault), (error) => told.push(error));
  await pending.settle(1000);
  expect(told).toEqual([fault]);
});

test('what never ends is not waited for for ever', async () => {
  const pending = new Pending();
  pending.add(new Promise(() => {}), never);
  await pending.settle(10);
});

test('nothing is nothing to wait for', async () => {
  await new Pending().settle(60_000);
});
