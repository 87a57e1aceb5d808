import { FUTILE_TIME, FutileHosts, MAX_HOSTS } from '../../src/core/futile-hosts';

describe('a host where several connections were of no use', () => {
  test('is remembered for ten minutes', () => {
    const hosts = new FutileHosts();
    hosts.note('cdn.example.net', 1000);
    expect(FUTILE_TIME).toBe(600_000);
    const at = (now: number) => hosts.has('cdn.example.net', now);
    expect([at(1000), at(1000 + FUTILE_TIME - 1), at(1000 + FUTILE_TIME)]).toEqual([true, true, false]);
    expect(hosts.has('other.example.net', 1000)).toBe(false);
  });

  test('is remembered anew each time', () => {
    const hosts = new FutileHosts();
    hosts.note('a', 0);
    hosts.note('a', 5000);
    expect(hosts.has('a', FUTILE_TIME)).toBe(true);
  });

  test('is forgotten for others, where there are too many', () => {
    const hosts = new FutileHosts();
    for (let i = 0; i <= MAX_HOSTS; i++) hosts.note(`host-${i}`, 0);
    expect([hosts.has('host-0', 1), hosts.has('host-1', 1), hosts.has(`host-${MAX_HOSTS}`, 1)]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
