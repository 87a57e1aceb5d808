import { createVerify, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { signRs256 } from '../../src/shell/rs256';

describe.each([1024, 2048, 3072, 4096])('a key of %d bits', (modulusLength) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });

  test.each(['pkcs1', 'pkcs8'] as const)('signs what others verify, in the form of %s', async (type) => {
    const data = randomBytes(300);
    const pem = privateKey.export({ type, format: 'pem' }) as string;
    for (const text of [pem, pem.replaceAll('\n', '\r\n'), `${pem}\n`]) {
      const signature = await signRs256(text, data);
      expect(createVerify('RSA-SHA256').update(data).verify(publicKey, signature)).toBe(true);
    }
  });
});

test.each([
  ['of another kind', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string],
  ['that is none', `-----BEGIN PRIVATE KEY-----\n${btoa(randomUUID())}\n-----END PRIVATE KEY-----\n`],
  [
    'that is none, in the older form',
    `-----BEGIN RSA PRIVATE KEY-----\n${btoa(randomUUID())}\n-----END RSA PRIVATE KEY-----\n`,
  ],
  ['that is no Base64', '-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----\n'],
])('a key %s signs nothing', async (_, pem) => {
  await expect(signRs256(pem, new Uint8Array())).rejects.toThrow();
});
