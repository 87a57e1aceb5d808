import { readConfig } from '../../src/core/config';
import { readDeploy, settingNames } from './manifests';

/** What systemd makes of it is for systemd-analyze to say, in test/e2e/manifests.e2e.ts. */
const unit = readDeploy('systemd/registry-proxy.service');
const all = (word: string) => [...unit.matchAll(new RegExp(`^${word}=(.*)$`, 'gm'))].map(([, value]) => value);
const one = (word: string) => {
  expect([word, all(word)]).toEqual([word, [expect.any(String)]]);
  return all(word)[0] as string;
};

describe('the unit', () => {
  test('starts the bundle, and reloads it by the signal that it takes settings up by', () => {
    expect(one('ExecStart')).toMatch(/^\/usr\/bin\/node \/\S+\/bundle\.js$/);
    expect(one('ExecReload')).toBe('/bin/kill -HUP $MAINPID');
  });

  test('gives it longer to end than SHUTDOWN_TIMEOUT', () => {
    expect(Number(one('TimeoutStopSec')) * 1000).toBeGreaterThan(readConfig({}).timeouts.shutdown);
  });

  test('sets variables that there are', () => {
    const names = all('Environment')
      .flatMap((line) => String(line).split(' '))
      .map((pair) => pair.split('=')[0]);
    expect(names.filter((name) => name !== 'NODE_ENV' && !settingNames.has(String(name)))).toEqual([]);
    expect(names.length).toBeGreaterThan(1);
  });

  test('names in its comments settings that there are, and folders that it makes', () => {
    const named = [...unit.matchAll(/\b([A-Z]+(?:_[A-Z]+)*)=/g)].map(([, name]) => String(name));
    const own = named.filter((name) => /_|^CACHE$|^PORT$|^REGISTRIES$/.test(name) && name !== 'NODE_ENV');
    expect(own.length).toBeGreaterThan(2);
    expect(own.filter((name) => !settingNames.has(name))).toEqual([]);
    expect(unit).toContain(`CACHE=disk:/var/cache/${one('CacheDirectory')}`);
    expect(unit).toContain(`REGISTRIES=/var/lib/${one('StateDirectory')}/`);
    expect(one('WorkingDirectory')).toBe(`/var/lib/${one('StateDirectory')}`);
  });

  test('runs as a user of its own, and lets V8 compile', () => {
    expect([one('DynamicUser'), all('User'), all('MemoryDenyWriteExecute')]).toEqual(['yes', [], []]);
    expect(one('RestrictAddressFamilies')).toBe('AF_INET AF_INET6 AF_UNIX');
  });
});
