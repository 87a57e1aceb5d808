import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fateOf, type Owner, ownName, parseOwner } from '../../src/storage/owner';

const own = async () => parseOwner(await ownName()) as Owner;

async function started(): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log(1)']);
  await once(child.stdout, 'data');
  return child as ChildProcess & { pid: number };
}

describe('the owner of unfinished files', () => {
  test('is known by a name that nobody else has', async () => {
    const [one, other] = [await ownName(), await ownName()];
    expect(one).not.toBe(other);
    expect(parseOwner(one)).toEqual(parseOwner(other));
    expect(parseOwner(one)?.pid).toBe(process.pid);
    expect(await fateOf(await own())).toBe('alive');
  });

  test.each([
    '',
    'x',
    '../../x',
    'abcdefabcdef-1-2',
    'abcdefabcdef-1-2-abcdefabcdef/x',
    'ABCDEFABCDEF-1-2-abcdefabcdef',
  ])('is not %j', (name) => {
    expect(parseOwner(name)).toBeUndefined();
  });

  test('lives as long as its process, and whoever gets its number later is somebody else', async () => {
    const child = await started();
    const owner = { ...(await own()), pid: child.pid, start: '0' };
    expect(await fateOf(owner)).toBe('alive');
    if (process.platform === 'linux') expect(await fateOf({ ...owner, start: '1' })).toBe('dead');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await fateOf(owner)).toBe('dead');
  });

  test('of another host, container or boot is unknown, whatever its number', async () => {
    expect(await fateOf({ ...(await own()), place: '0123456789ab' })).toBe('unknown');
  });
});
