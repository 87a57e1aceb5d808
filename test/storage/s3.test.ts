import { S3Store } from '../../src/storage/s3';
import { storeContract } from './contract';
import { incomingContract } from './incoming-contract';
import { type Abilities, type S3Server, startS3 } from './s3-server';

let server: S3Server;
beforeAll(async () => {
  server = await startS3();
});
afterEach(() => {
  expect(server.accusations).toEqual([]);
});
afterAll(() => server.stop());

storeContract(
  's3',
  async ({ now }) => new S3Store({ place: server.bucket({ now, prefix: 'some/where/' }).place, now }),
  ['limit', 'recency', 'trust'],
);

describe.each<[string, Abilities]>([
  ['that keeps conditions', {}],
  ['that passes over conditions', { conditions: 'ignored' }],
  ['that refuses conditions, and does not copy', { conditions: 'refused', copies: false }],
])('an object store %s', (_, abilities) => {
  incomingContract('s3', async (count) => {
    const { place } = server.bucket({ ...abilities, prefix: 'some/where/' });
    return Array.from({ length: count }, () => new S3Store({ place }));
  });
});
