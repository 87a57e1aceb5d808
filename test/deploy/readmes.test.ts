import { commandsOf, languages, readDeploy, shapeOf, unknownNames } from './manifests';

/** Variables that documents name, and that are not the proxy's. */
const others: Record<string, string[]> = {
  docker: [
    'FAR_URL',
    'CACHE_MAX_SIZE',
    'MINIO_PASSWORD',
    'MINIO_USER',
    'BUILD_IMAGE',
    'RUN_IMAGE',
    'MINIO_IMAGE',
    'MC_IMAGE',
    'DOCKER_BUILDKIT',
  ],
  kubernetes: [],
  nginx: [],
  monitoring: [],
  systemd: ['CAP_NET_BIND_SERVICE'],
  cloudrun: ['IMAGE_URL', 'K_SERVICE', 'K_REVISION'],
};

describe.each(Object.keys(others))('the documents of deploy/%s', (platform) => {
  const [english, chinese] = languages.map((name) => readDeploy(`${platform}/${name}`)) as [string, string];

  test('say in both languages the same, with the same commands', () => {
    expect(shapeOf(chinese)).toEqual(shapeOf(english));
    expect(commandsOf(chinese)).toEqual(commandsOf(english));
    expect(commandsOf(english).length).toBeGreaterThan(3);
  });

  test('say what is needed, what it costs, where it ends and how it goes away', () => {
    const titles = [...english.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(titles).toEqual(expect.arrayContaining(['Needs', 'Limits', 'Cost', 'Undo']));
  });

  test.each(languages)('%s names settings that there are', (name) => {
    expect(unknownNames(readDeploy(`${platform}/${name}`), others[platform])).toEqual([]);
  });
});
