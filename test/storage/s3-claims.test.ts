import { S3Claims } from '../../src/storage/s3-claims';
import type { S3Client, S3Request } from '../../src/storage/s3-client';
import { Refusal } from '../../src/storage/s3-errors';

/** An object store that keeps conditions. */
function startClient() {
  const objects = new Map<string, Buffer>();
  const client = {
    /** The answer to what is created does not arrive, and another attempt finds it. */
    losesAnswer: false,
    async ask({ method, key = '', headers = [], body }: S3Request) {
      const isConditional = headers.some(([name]) => name === 'if-none-match');
      const found = objects.get(key);
      if (method === 'PUT') {
        if (isConditional && found) throw new Refusal(412, 'PreconditionFailed');
        objects.set(key, Buffer.concat([...(body?.pieces() ?? [])]));
        if (isConditional && client.losesAnswer) throw new Refusal(412, 'PreconditionFailed');
        return { body: Buffer.alloc(0), headers: {} };
      }
      if (!found) throw new Refusal(404, 'NoSuchKey');
      const now = new Date().toUTCString();
      return { body: found, headers: { date: now, 'last-modified': now } };
    },
  };
  return { client, objects };
}

test('a claim whose answer was lost is known for its own', async () => {
  const { client } = startClient();
  const claims = new S3Claims(client as unknown as S3Client, Date.now);
  expect(await claims.make('first', 5)).toMatch(/^[0-9a-f]{16}$/);
  client.losesAnswer = true;
  const owner = await claims.make('second', 5);
  expect(owner).toMatch(/^[0-9a-f]{16}$/);
  expect(await claims.read('second')).toMatchObject({ owner });
  client.losesAnswer = false;
  expect(await claims.make('second', 5)).toBeUndefined();
});
