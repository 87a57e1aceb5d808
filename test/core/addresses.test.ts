import { isAddress, isInRanges, isPrivateHost, isPublicAddress, parseRange } from '../../src/core/addresses';

describe('an address', () => {
  test.each([
    '8.8.8.8',
    '93.184.216.34',
    '2606:4700::6810:84e5',
    '[2606:4700::1]',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '198.18.0.1', // local VPN clients give these out for blocked public hosts
    '198.19.255.255',
    '100.63.255.255',
    '100.128.0.1',
    '172.15.255.255',
    '172.32.0.1',
  ])('%s is public', (address) => {
    expect([isPublicAddress(address), isPrivateHost(address)]).toEqual([true, false]);
  });

  test.each([
    '0.0.0.0',
    '0.1.2.3',
    '127.0.0.1',
    '127.255.255.254',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '192.0.0.8',
    '192.0.2.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '[::1]',
    '[::7f00:1]',
    '::ffff:127.0.0.1',
    '[::ffff:a00:1]',
    '::ffff:169.254.169.254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'fd00:ec2::254',
    'fc00::1',
    'ff02::1',
    '2001:db8::1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::7f00:1',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    '2001::1',
    '100::1',
  ])('%s is not', (address) => {
    expect([isAddress(address), isPublicAddress(address), isPrivateHost(address)]).toEqual([true, false, true]);
  });

  test.each([
    '',
    'example.com',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    'fe80',
    ':::',
    '1.2.3.4:80',
    '::127.0.0.1',
  ])('%j is none', (text) => {
    expect(isPublicAddress(text)).toBe(false);
  });
});

describe('a host', () => {
  test.each([
    ['localhost', true],
    ['registry', true],
    ['registry.localhost', true],
    ['nas.local', true],
    ['registry.corp.internal', true],
    ['box.lan', true],
    ['box.home.arpa', true],
    ['registry-1.docker.io', false],
    ['local.example.com', false],
    ['notlocal', true],
    ['example.notlocal', false],
    ['lan.com', false],
  ])('%s was plainly meant as a private one: %s', (host, expected) => {
    expect(isPrivateHost(host)).toBe(expected);
  });
});

describe('a range', () => {
  test.each<[string, string, boolean]>([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['::1', '::1', true],
    ['2001:db8::/32', '2001:db8:1::', true],
    ['2001:db8::/32', '10.0.0.1', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '2606:4700::1', false],
    ['loopback', '127.0.0.1', true],
    ['loopback', '::1', true],
    ['LOOPBACK', '::ffff:127.0.0.1', true],
    ['linklocal', '169.254.1.1', true],
    ['linklocal', 'fe80::1%eth0', true],
    ['private', '192.168.0.1', true],
    ['private', 'fd12::1', true],
    ['private', '100.64.0.1', false],
    // as the log and the kernel write it
    ['::ffff:10.0.0.5', '::ffff:10.0.0.5', true],
    ['::ffff:10.0.0.5', '10.0.0.5', true],
    ['loopback', '', false],
    ['loopback', 'nobody', false],
  ])('%s holds %s: %s', (range, address, expected) => {
    expect(isInRanges(address, parseRange(range) ?? [])).toBe(expected);
  });

  test.each([
    '',
    'x',
    'example.com',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0/8',
    '10/8',
    '1',
    '0',
    '0x7f.1',
    '::/129',
    'loopbacks',
  ])('%j is none', (text) => {
    expect(parseRange(text)).toBeUndefined();
  });
});
