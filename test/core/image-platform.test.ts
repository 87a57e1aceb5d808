import {
  choosePlatforms,
  type ImagePlatform,
  parseImagePlatform,
  parseImagePlatforms,
  platformOfMachine,
  printImagePlatform,
} from '../../src/core/image-platform';

const platform = (text: string) => parseImagePlatform(text) as ImagePlatform;

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['Linux/X86_64', 'linux/amd64'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm/v7', 'linux/arm/v7'],
  ['windows/amd64', 'windows/amd64'],
])('%s is %s', (text, written) => {
  expect(printImagePlatform(platform(text))).toBe(written);
});

test.each(['linux', 'amd64', 'linux/', '/amd64', 'linux/arm/v7/x', 'linux/amd64 ', 'all', ''])('%j is none', (text) => {
  expect(parseImagePlatform(text)).toBeUndefined();
});

test('all is all, and stands alone', () => {
  expect(parseImagePlatforms(['ALL'])).toBe('all');
  expect(parseImagePlatforms(['all', 'linux/amd64'])).toBeUndefined();
  expect(parseImagePlatforms([])).toBeUndefined();
  expect(parseImagePlatforms(['linux/amd64', 'linux/s390x'])).toHaveLength(2);
});

test.each([
  ['x64', 'linux/amd64'],
  ['arm64', 'linux/arm64'],
  ['arm', 'linux/arm'],
  ['s390x', 'linux/s390x'],
])('a machine with %s runs %s', (processor, written) => {
  expect(printImagePlatform(platformOfMachine(processor))).toBe(written);
});

test.each([
  ['linux/amd64', ['linux/amd64', 'linux/arm64'], ['linux/amd64']],
  ['linux/arm64', ['linux/arm64/v8', 'linux/arm/v7'], ['linux/arm64/v8']],
  ['linux/arm64/v8', ['linux/arm64'], ['linux/arm64']],
  ['linux/arm', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], ['linux/arm/v7']],
  ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6'], ['linux/arm/v6']],
  ['linux/arm/v6', ['linux/arm/v7'], []],
  ['linux/amd64', ['linux/amd64', 'linux/amd64/v3'], ['linux/amd64']],
  ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2'], ['linux/amd64/v2']],
  ['windows/amd64', ['windows/amd64', 'windows/amd64', 'linux/amd64'], ['windows/amd64', 'windows/amd64']],
])('of what is offered %s takes what containerd takes: %j → %j', (wanted, offered, taken) => {
  const offers = offered.map((text) => ({ platform: platform(text) }));
  expect(choosePlatforms(offers, platform(wanted)).map((each) => printImagePlatform(each.platform))).toEqual(taken);
});
