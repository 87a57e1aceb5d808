import { S3Store } from '../../src/storage/s3';
import { storeContract } from './contract';
import { type S3Server, startS3 } from './s3-server';

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
