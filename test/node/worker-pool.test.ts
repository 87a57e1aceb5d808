import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { BusyError, WorkerPool } from '../../src/node/worker-pool';
import { root } from '../tools/sources';

const LIMITS = { workers: 2, waiting: 100, wait: 60_000 };

/** Does what each message says. */
const CODE = `
  const { parentPort, threadId } = require('node:worker_threads');
  parentPort.on('message', (message) => {
    if (message === 'exit') process.exit(1);
    if (message === 'throw') throw new Error('a fault of the code');
    if (message === 'hang') return;
    parentPort.postMessage(message === 'thread' ? threadId : message === 'env' ? Object.keys(process.env) : message);
  });
`;

let pool: WorkerPool;
const open = (limits = {}, code = CODE) => {
  pool = new WorkerPool(() => code, { ...LIMITS, ...limits });
  return pool;
};

afterEach(() => pool.close());

describe('a pool of workers', () => {
  test('answers each with what is for him', async () => {
    open();
    expect(await Promise.all(Array.from({ length: 50 }, (_, index) => pool.run(index)))).toEqual(
      Array.from({ length: 50 }, (_, index) => index),
    );
  });

  test('makes no more of them than it may, and uses them again', async () => {
    open();
    const threads = await Promise.all(Array.from({ length: 20 }, () => pool.run('thread')));
    expect(new Set(threads).size).toBeLessThanOrEqual(2);
    expect(threads).toContain(await pool.run('thread'));
  });

  test('makes none before the first job', async () => {
    let made = 0;
    pool = new WorkerPool(() => {
      made += 1;
      return CODE;
    }, LIMITS);
    expect(made).toBe(0);
    await pool.run('x');
    expect(made).toBe(1);
  });

  test('keeps a process alive while it works, and no longer', async () => {
    const contents = `
      import { WorkerPool } from './src/node/worker-pool';
      new WorkerPool(() => ${JSON.stringify(CODE)}, ${JSON.stringify(LIMITS)}).run('answered').then(console.log);`;
    const options = { stdin: { contents, resolveDir: root }, bundle: true, write: false } as const;
    const { outputFiles } = await build({ ...options, platform: 'node' });
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', outputFiles[0].text]);
    expect(stdout).toBe('answered\n');
  });

  test('gives them nothing of the environment', async () => {
    expect(Object.keys(process.env)).not.toEqual([]);
    expect(await open().run('env')).toEqual([]);
  });

  test.each(['exit', 'throw'])('replaces one that dies by %s; only its own job is lost', async (end) => {
    open({ workers: 1 });
    const before = await pool.run('thread');
    const [lost, next] = await Promise.allSettled([pool.run(end), pool.run('thread')]);
    expect(lost).toMatchObject({ status: 'rejected', reason: { message: 'the worker ended' } });
    expect(next).toMatchObject({ status: 'fulfilled', value: expect.any(Number) });
    expect(next).not.toMatchObject({ value: before });
  });

  test('goes on where one dies that has nothing to do', async () => {
    open({ workers: 1 }, `${CODE} parentPort.on('message', () => setImmediate(process.exit));`);
    const before = await pool.run('thread');
    let after = before;
    // The last one of a worker may still meet its end.
    while (after === before) after = await pool.run('thread').catch(() => before);
    expect(after).toEqual(expect.any(Number));
  });

  test('says so where its code is none, and each time anew', async () => {
    open({ workers: 1 }, 'this is no code');
    await expect(pool.run('x')).rejects.toThrow('the worker ended');
    await expect(pool.run('x')).rejects.toThrow('the worker ended');
  });

  test('says so where a worker cannot be made, and takes the next job', async () => {
    let isBroken = true;
    pool = new WorkerPool(() => {
      if (isBroken) throw new Error('no code today');
      return CODE;
    }, LIMITS);
    await expect(pool.run('x')).rejects.toThrow('no code today');
    isBroken = false;
    expect(await pool.run('x')).toBe('x');
  });

  test('lets only so many wait', async () => {
    open({ workers: 1, waiting: 3 });
    const hanging = pool.run('hang').catch(() => 'ended');
    const waiting = [1, 2, 3].map((index) => pool.run(index).catch(() => 'ended'));
    await expect(pool.run(4)).rejects.toThrow(BusyError);
    pool.close();
    expect(await Promise.all([hanging, ...waiting])).toEqual(['ended', 'ended', 'ended', 'ended']);
  });

  test('refuses whoever has waited too long, and works for the others', async () => {
    const slow = CODE.replace('parentPort.postMessage', 'for (const end = Date.now() + 60; Date.now() < end; );$&');
    open({ workers: 1, wait: 50 }, slow);
    const [first, second] = await Promise.allSettled([pool.run(1), pool.run(2)]);
    expect(first).toMatchObject({ status: 'fulfilled', value: 1 });
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(BusyError) });
    expect(await pool.run(3)).toBe(3);
  });

  test('takes nothing once it is closed, and gives nobody up for ever', async () => {
    open({ workers: 1 });
    const [hanging, waiting] = [pool.run('hang'), pool.run('x')];
    const ends = Promise.allSettled([hanging, waiting]);
    pool.close();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(pool.run('x')).rejects.toThrow('the workers are closed');
  });
});
