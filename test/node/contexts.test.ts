import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { readConfig } from '../../src/core/config';
import { Contexts, createContext } from '../../src/node/contexts';
import type { Context } from '../../src/node/session';
import { Stores } from '../../src/node/stores';
import { Guard } from '../../src/shell/guard';
import { createLog } from '../../src/shell/log';
import { MemoryStore } from '../../src/storage/memory';
import { until } from '../upstream/scene';

const log = createLog({ level: 'silent', format: 'json', write: () => {} });

/** A context that tells when it ends. */
async function context(): Promise<{ made: Context; ended: jest.Mock }> {
  const made = await createContext(readConfig({}), new Guard(), log);
  const ended = jest.fn();
  made.transport.close = ended;
  return { made, ended };
}

const response = () => new EventEmitter() as unknown as ServerResponse;

test('a request keeps the context it began with, which ends with the last of its requests', async () => {
  const [one, two] = [await context(), await context()];
  const contexts = new Contexts(one.made);
  const [first, second, third] = [response(), response(), response()];
  expect([contexts.enter(first), contexts.enter(second)]).toEqual([one.made, one.made]);
  contexts.replace(two.made);
  expect([contexts.current, contexts.enter(third)]).toEqual([two.made, two.made]);
  first.emit('close');
  expect(one.ended).not.toHaveBeenCalled();
  second.emit('close');
  expect(one.ended).toHaveBeenCalledTimes(1);
  third.emit('close');
  expect(two.ended).not.toHaveBeenCalled();
});

test('a context that no request uses ends at once when another one comes', async () => {
  const [one, two] = [await context(), await context()];
  const contexts = new Contexts(one.made);
  const only = response();
  contexts.enter(only);
  only.emit('close');
  contexts.replace(two.made);
  expect([one.ended.mock.calls.length, two.ended.mock.calls.length]).toEqual([1, 0]);
});

describe('a cache', () => {
  const CACHE = { CACHE: 'memory', CACHE_TAG_TTL: '1h' };

  test('outlives its configuration as long as the next one has the same place, and is closed with the last one', async () => {
    const close = jest.spyOn(MemoryStore.prototype, 'close');
    const stores = new Stores(log);
    const make = (env: Record<string, string>) => createContext(readConfig(env), new Guard(), log, stores);
    const contexts = new Contexts(await make(CACHE));
    contexts.replace(await make({ ...CACHE, CACHE_TAG_TTL: '2h' }));
    expect(close).not.toHaveBeenCalled();
    const request = response();
    contexts.enter(request);
    contexts.replace(await make({ CACHE: 'memory', CACHE_MAX_SIZE: '32m' }));
    expect(close).not.toHaveBeenCalled();
    request.emit('close');
    expect(await until(() => close.mock.calls.length === 1)).toBe(true);
    await contexts.close();
    expect(close).toHaveBeenCalledTimes(2);
    close.mockRestore();
  });

  test('that nobody asked for is none', async () => {
    const made = await createContext(readConfig({}), new Guard(), log);
    expect(made).not.toHaveProperty('content');
  });
});

test('closing ends all that are left', async () => {
  const [one, two, three] = [await context(), await context(), await context()];
  const contexts = new Contexts(one.made);
  contexts.enter(response());
  contexts.replace(two.made);
  contexts.replace(three.made);
  contexts.close();
  expect([one, two, three].map(({ ended }) => ended.mock.calls.length)).toEqual([1, 1, 1]);
});
