import { setTimeout as sleep } from 'node:timers/promises';
import type { Await } from '../../src/core/cache-verbs';
import type { Content } from '../../src/node/content';
import { copyWait } from '../../src/node/copy-wait';

test('a request that waits for one copy after the other waits no longer than for one', async () => {
  const limits: number[] = [];
  const content = {
    stored: async (_: string, within: number) => {
      limits.push(within);
      await sleep(60);
      return 'failed';
    },
  } as unknown as Content;
  const wait = copyWait(() => content, new AbortController().signal);
  const verb: Await = { verb: 'await', digest: 'sha256:0', within: 100 };
  expect([await wait(verb), await wait(verb), await wait(verb)]).toEqual(['failed', 'failed', 'failed']);
  expect(limits[0]).toBe(100);
  expect(limits[1]).toBeLessThan(50);
  expect(limits[2]).toBe(0);
});
