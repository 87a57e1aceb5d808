import type { ImagePlatforms } from '../../src/core/image-platform';
import { MANIFEST_ACCEPT, MAX_DESCRIPTORS, PrefetchFault, readManifest, shorten } from '../../src/core/prefetch';

const digest = (n: number) => `sha256:${n.toString(16).padStart(64, '0')}`;
const part = (n: number, more: object = {}) => ({ mediaType: 'x/y', digest: digest(n), size: n, ...more });
const on = (os: string, architecture: string, variant?: string) => ({ platform: { os, architecture, variant } });

const AMD64: ImagePlatforms = [{ os: 'linux', architecture: 'amd64' }];
const BOTH: ImagePlatforms = [...AMD64, { os: 'linux', architecture: 'arm64' }];

const read = (document: object, platforms: ImagePlatforms = AMD64) => {
  const { manifests, blobs } = readManifest(JSON.stringify({ schemaVersion: 2, ...document }), platforms);
  return { manifests: manifests.map(({ size }) => size), blobs: blobs.map(({ size }) => size) };
};

describe('a manifest', () => {
  test.each<[string, object, number[]]>([
    ['of an image', { config: part(1), layers: [part(2), part(3)] }, [1, 2, 3]],
    ['with the same layer twice', { config: part(1), layers: [part(2), part(3), part(2)] }, [1, 2, 3]],
    ['without layers', { config: part(1), layers: [] }, [1]],
    ['of an artifact with an empty config in it', { config: part(2, { data: 'e30=' }), layers: [part(3)] }, [3]],
    ['of OCI 1.1 before its release', { blobs: [part(1), part(2)] }, [1, 2]],
    [
      'with a layer that Microsoft hands out itself',
      {
        config: part(1),
        layers: [
          part(2, { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', urls: ['https://x'] }),
          part(3, {
            mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
            urls: ['https://x'],
          }),
          part(4, { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }),
        ],
      },
      [1, 4],
    ],
    [
      'with a foreign layer that was pushed all the same, and one that is elsewhere as well',
      {
        config: part(1),
        layers: [
          part(2, { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }),
          part(3, { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', urls: ['https://x'] }),
        ],
      },
      [1, 2, 3],
    ],
  ])('%s', (_, document, blobs) => {
    expect(read(document)).toEqual({ manifests: [], blobs });
  });
});

describe('an index', () => {
  const manifests = [
    part(1, on('linux', 'amd64')),
    part(2, on('linux', 'arm64', 'v8')),
    part(3, { ...on('unknown', 'unknown'), annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }),
    part(4, on('windows', 'amd64')),
  ];

  test.each<[string, ImagePlatforms, number[]]>([
    ['one platform', AMD64, [1]],
    ['two', BOTH, [1, 2]],
    ['all, attestations among them', 'all', [1, 2, 3, 4]],
  ])('names manifests of %s', (_, platforms, taken) => {
    expect(read({ manifests }, platforms)).toEqual({ manifests: taken, blobs: [] });
  });

  test('names an image once that serves two platforms', () => {
    const armv6: ImagePlatforms = [
      { os: 'linux', architecture: 'arm', variant: 'v6' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
    ];
    expect(read({ manifests: [part(1, on('linux', 'arm', 'v6'))] }, armv6).manifests).toEqual([1]);
  });

  test('names what does not say what it runs on, and then lacks nothing', () => {
    expect(read({ manifests: [part(1), part(2, on('linux', 's390x'))] }).manifests).toEqual([1]);
    const signature = part(3, { annotations: { 'vnd.docker.reference.type': 'x' } });
    expect(() => read({ manifests: [signature] })).toThrow('has no linux/amd64, only nothing');
  });

  test('without a wanted platform says which it has', () => {
    expect(() => read({ manifests: [part(2, on('linux', 'arm64')), part(4, on('windows', 'amd64'))] }, BOTH)).toThrow(
      'has no linux/amd64, only linux/arm64, windows/amd64',
    );
  });
});

describe('refused is', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => part(index));

  test.each<[string, object, RegExp]>([
    ['what clients would read in two ways', { manifests: [], layers: [] }, /index and manifest at once/],
    ['the same with a config', { manifests: [], config: part(1) }, /index and manifest at once/],
    ['docker schema 1', { schemaVersion: 1, fsLayers: [] }, /schema 1/],
    ['something else', { errors: [] }, /^is no manifest$/],
    ['layers that are no list', { config: part(1), layers: {} }, /^is no manifest$/],
    ['a layer that is none', { layers: [null] }, /by no digest: undefined/],
    ['a digest that is a path', { layers: [part(1, { digest: '../../x' })] }, /by no digest: \.\.\/\.\.\/x/],
    ['a digest that nobody can compute', { layers: [part(1, { digest: 'md5:abc' })] }, /by no digest/],
    ['no size', { layers: [part(1, { size: undefined })] }, /how long/],
    ['a negative size', { layers: [part(1, { size: -1 })] }, /how long/],
    ['a size that no number holds', { layers: [part(1, { size: 2 ** 60 })] }, /how long/],
    ['too many layers', { layers: many(MAX_DESCRIPTORS + 1) }, /names 5001 others/],
    ['too many manifests', { manifests: many(MAX_DESCRIPTORS + 1) }, /names 5001 others/],
  ])('%s', (_, document, sentence) => {
    expect(() => read(document)).toThrow(PrefetchFault);
    expect(() => read(document)).toThrow(sentence);
  });

  test.each(['', '<html>', '[]', 'null', '"x"', '{'])('%j', (text) => {
    expect(() => readManifest(text, AMD64)).toThrow(PrefetchFault);
  });

  test('a terminal is not written to by what an upstream says', () => {
    expect(shorten(`a\x1b[2J\r\n\u202e${'b'.repeat(500)}`)).toMatch(/^a \[2J {3}b{190,}$/);
  });
});

test('the types are those that containerd asks for', () => {
  expect(MANIFEST_ACCEPT).toBe(
    'application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*',
  );
});
