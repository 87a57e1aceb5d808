import { randomUUID } from 'node:crypto';
import { readConfig } from '../../src/core/config';
import type { Files } from '../../src/core/files';

const TOKEN = randomUUID();
const FILES: Files = { text: () => '', document: () => ({ rows: {} }) };
const FILE = '/etc/registries.json';

function read(env: Record<string, string>, rows?: []) {
  try {
    return readConfig(env, [], {}, FILES, rows).admin;
  } catch (error) {
    return (error as { faults: string[] }).faults;
  }
}

describe('changes of rows', () => {
  test('are kept in the JSON file that REGISTRIES names, or in a key-value store', () => {
    expect(read({ ADMIN_TOKEN: TOKEN, REGISTRIES: FILE })).toEqual({
      token: TOKEN,
      changesRows: true,
      file: FILE,
    });
    expect(read({ ADMIN_TOKEN: TOKEN, PLATFORM: 'cloudflare-workers' }, [])).toEqual({
      token: TOKEN,
      changesRows: true,
    });
    expect([read({ REGISTRIES: FILE }), read({ ADMIN_TOKEN: '' })]).toEqual([undefined, undefined]);
  });

  test.each<[string, Record<string, string>, string]>([
    ['a YAML file, whose comments would be lost', { REGISTRIES: '/etc/registries.yaml' }, 'the path of a JSON file'],
    ['a list', { REGISTRIES: 'ghcr.io' }, 'the path of a JSON file'],
    ['a document in the variable', { REGISTRIES: '{"rows":{}}' }, 'the path of a JSON file'],
    ['nothing', {}, 'the path of a JSON file'],
    ['a platform whose files do not last', { PLATFORM: 'aliyun-fc', REGISTRIES: FILE }, 'deploy again'],
    ['a Worker without a namespace', { PLATFORM: 'cloudflare-workers' }, 'bind a KV namespace as REGISTRY_MAPS'],
  ])('cannot be kept in %s, which is said at the start, and images are explained all the same', (_, env, why) => {
    const { admin, notes } = readConfig({ ADMIN_TOKEN: TOKEN, ...env }, [], {}, FILES);
    expect(admin).toEqual({ token: TOKEN, changesRows: false });
    expect(notes).toContainEqual(
      expect.stringMatching(`^ADMIN_TOKEN: rows cannot be changed by /-/api/registries: .*${why}`),
    );
  });

  test.each(['short', 'fifteen-letters', `${TOKEN} ${TOKEN}`, `${TOKEN}ü`, `"${TOKEN}"`])(
    'are not guarded by a token like %j, which is not printed',
    (ADMIN_TOKEN) => {
      const faults = read({ ADMIN_TOKEN, REGISTRIES: FILE });
      expect(faults).toEqual(['ADMIN_TOKEN=***: expected at least 16 letters, digits and -._~+/']);
    },
  );
});
