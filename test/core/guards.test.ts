import { randomUUID } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { readConfig } from '../../src/core/config';
import type { ConfigError } from '../../src/core/config-error';

function faults(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

test('all of them are off until they are set', () => {
  expect(Object.values(readConfig({}).guards).filter((value) => value !== undefined)).toEqual([]);
  expect(readConfig({}).gate).toBeUndefined();
});

describe('a list of images', () => {
  test('names each pattern that is none', () => {
    expect(faults({ DENY_IMAGES: 'good/*, ghcr.io, Bad/app', ALLOW_IMAGES: 'nginx:1' })).toEqual([
      expect.stringMatching(/^ALLOW_IMAGES=nginx:1: expected .*without a tag/),
      expect.stringMatching(/^DENY_IMAGES=ghcr\.io: expected .*ghcr\.io\/acme\/\*\*/),
      expect.stringMatching(/^DENY_IMAGES=Bad\/app: expected/),
    ]);
  });

  test.each(['gchr.io/evil/**', 'evil*/**', '*.example.com/app', 'registry/evil:5000/x'])(
    'that denies %s denies nothing here, and says so',
    (DENY_IMAGES) => {
      expect(faults({ DENY_IMAGES, REGISTRIES: 'ghcr.io' })).toEqual([
        expect.stringContaining(`DENY_IMAGES=${DENY_IMAGES}: `),
      ]);
    },
  );

  test.each(['ghcr.io/evil/**', '*/evil', '**', 'evil/**', 'registry-1.docker.io/evil/**', '*.io/evil/**'])(
    'may deny %s',
    (DENY_IMAGES) => {
      expect(faults({ DENY_IMAGES, REGISTRIES: 'ghcr.io' })).toEqual([]);
    },
  );

  test.each([
    ['us-docker.pkg.dev/evil/**', true],
    ['*.pkg.dev/evil/**', true],
    ['us-*/evil/**', true],
    ['a.b.pkg.dev/evil/**', false],
    ['us-docker.pkg.com/evil/**', false],
  ])('may deny %s where a wildcard is served: %s', (DENY_IMAGES, expected) => {
    expect(faults({ DENY_IMAGES, REGISTRIES: '*.pkg.dev' })).toHaveLength(expected ? 0 : 1);
  });

  test('that allows what is not served allows nothing, which shows by itself', () => {
    expect(faults({ ALLOW_IMAGES: 'quay.io/**' })).toEqual([]);
  });
});

describe.each([
  ['ALLOW_CLIENTS', '10.0.0.0/8'],
  ['RATE_LIMIT', '20/s'],
  ['MAX_TRANSFERS', '6'],
])('%s', (name, value) => {
  test('does not start where clients may claim any address', () => {
    expect(faults({ [name]: value, TRUST_PROXY: 'true' })).toEqual([
      expect.stringMatching(`^${name}: .*TRUST_PROXY=true`),
    ]);
    expect(faults({ [name]: value, TRUST_PROXY: 'private' })).toEqual([]);
    expect(faults({ [name]: value, TRUST_PROXY: 'false' })).toEqual([]);
    expect(faults({ TRUST_PROXY: 'true' })).toEqual([]);
  });

  test('does not start where everybody has the address of the gateway', () => {
    const env = { [name]: value, PLATFORM: 'aliyun-fc' };
    expect(faults(env)).toEqual([expect.stringMatching(`^${name}: .*gateway.*TRUST_PROXY`)]);
    expect(faults({ ...env, TRUST_PROXY: 'false' })).toHaveLength(1);
    expect(faults({ ...env, TRUST_PROXY: 'true' })).toHaveLength(1);
    expect(faults({ ...env, TRUST_PROXY: 'loopback,linklocal,private,100.64.0.0/10' })).toEqual([]);
  });
});

test('guards without a good address are named together', () => {
  const env = { ALLOW_CLIENTS: 'private', RATE_LIMIT: '1/s', MAX_TRANSFERS: '1', TRUST_PROXY: 'true' };
  expect(faults(env)).toEqual([expect.stringMatching(/^ALLOW_CLIENTS, RATE_LIMIT, MAX_TRANSFERS: /)]);
});

describe('ACCESS', () => {
  test('names each rule that is none, and why', () => {
    expect(faults({ ACCESS: 'alice: pull **; bob: look **; carol' })).toEqual([
      expect.stringMatching(/^ACCESS=bob: look \*\*: "look" is none of/),
      expect.stringMatching(/^ACCESS=carol: expected rules such as/),
    ]);
  });

  test('may be written on several lines', () => {
    const users = ['alice', 'bob'].map((name) => `${name}:${hashSync(randomUUID(), 4)}`).join();
    expect(readConfig({ HTPASSWD: users, ACCESS: 'alice: pull **\nbob: push x/*' }).gate?.rules).toHaveLength(2);
  });
});
