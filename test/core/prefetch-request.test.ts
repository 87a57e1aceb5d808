import { RegistryError } from '../../src/core/errors';
import { parsePrefetchRequest } from '../../src/core/prefetch-request';

const parse = (body: unknown) => parsePrefetchRequest(JSON.stringify(body));

test('names images and platforms', () => {
  expect(parse({ images: ['nginx:1.27', 'ghcr.io/o/a'], platforms: ['linux/amd64'] })).toEqual({
    images: [
      { text: 'nginx:1.27', repository: 'nginx', reference: '1.27' },
      { text: 'ghcr.io/o/a', registry: 'ghcr.io', repository: 'o/a', reference: 'latest' },
    ],
    platforms: [{ os: 'linux', architecture: 'amd64' }],
  });
  expect(parse({ images: ['a'] })).not.toHaveProperty('platforms');
  expect(parse({ images: ['a'], platforms: ['all'] }).platforms).toBe('all');
});

test.each<[string, unknown, RegExp]>([
  ['no object', 'nginx', /^expected a JSON object/],
  ['nothing', null, /^expected a JSON object/],
  ['no images', {}, /^images: expected a list of 1 to 100 names/],
  ['an empty list', { images: [] }, /^images: /],
  ['a word in place of a list', { images: 'nginx' }, /^images: /],
  ['numbers', { images: [1] }, /^images: /],
  ['too many', { images: Array(101).fill('a') }, /^images: /],
  ['a name that is none', { images: ['a', 'B'] }, /^images: B: expected an image as docker pull takes it/],
  ['a platform that is none', { images: ['a'], platforms: ['amd64'] }, /^platforms: expected a list of all, or os\//],
  ['no platforms', { images: ['a'], platforms: [] }, /^platforms: /],
  ['a misspelt field', { images: ['a'], platform: ['linux/amd64'] }, /^platform: unknown; images and platforms/],
])('%s is 400 in words', (_, body, sentence) => {
  expect(() => parse(body)).toThrow(RegistryError);
  expect(() => parse(body)).toThrow(sentence);
});

test('what is no JSON is 400', () => {
  expect(() => parsePrefetchRequest('{')).toThrow(/^expected a JSON object/);
});
