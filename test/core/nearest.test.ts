import { nearest } from '../../src/core/nearest';

const words = ['port', 'host', 'registry-backend', 'registry-name'];

test.each([
  ['prot', 'port'],
  ['hots', 'host'],
  ['registrybackend', 'registry-backend'],
  ['registry-bakcend', 'registry-backend'],
  ['registry-names', 'registry-name'],
  ['p', undefined],
  ['zzzz', undefined],
  ['repo-prefix', undefined],
  ['', undefined],
])('%s means %s', (word, meant) => {
  expect(nearest(word, words)).toBe(meant);
});
