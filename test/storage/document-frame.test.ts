import { createHash, randomBytes } from 'node:crypto';
import { frame, unframe } from '../../src/storage/document-frame';
import { named } from '../../src/storage/key';
import { objectKeyOf } from '../../src/storage/s3-layout';

const NAME = 'tag docker.io ä library/nginx 𝒳';

/** What earlier versions wrote, and other programs can check: by sha256sum, over all but the first line. */
function framed(name: string, head: object | undefined, body: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify({ name, head })}\n`), body]);
  const hash = createHash('sha256').update(rest).digest('hex');
  return Buffer.concat([Buffer.from(`document 1 sha256:${hash}\n`), rest]);
}

test.each<[string, object | undefined, Buffer]>([
  ['a head alone', { etag: '"ü\n"', half: '\ud800', none: null }, Buffer.alloc(0)],
  ['a body alone, with line feeds in it', undefined, Buffer.from('\n\n{}\n')],
  ['a body of any bytes', { n: 1 }, randomBytes(300_000)],
])('%s is the same file as ever, and read again', (_, head, body) => {
  const file = frame({ name: NAME, head: head as Record<string, unknown>, body });
  expect(framed(NAME, head, body).equals(file)).toBe(true);
  const document = unframe(file);
  expect(document).toMatchObject({ name: NAME, ...(head && { head }) });
  expect(body.equals(document?.body as Uint8Array)).toBe(true);
});

test('a file that was cut, changed, or never was one, is none', () => {
  const file = frame({ name: NAME, head: { n: 1 }, body: Buffer.from('body') });
  const changed = file.slice();
  changed[file.length - 1] ^= 1;
  const cases = [changed, file.subarray(0, -1), file.subarray(1), new Uint8Array(0), Buffer.from('no line feed')];
  expect(cases.map(unframe)).toEqual(cases.map(() => undefined));
});

test('a document lies under the hash of its name', () => {
  const hash = createHash('sha256').update(NAME).digest('hex');
  expect(objectKeyOf('some/where/', named(NAME))).toBe(`some/where/documents/${hash}`);
});
