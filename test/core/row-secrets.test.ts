import { randomUUID } from 'node:crypto';
import { MASK, maskRow, restoreSecrets } from '../../src/core/row-secrets';

const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];

const ROW = {
  url: 'https://r.example.com',
  label: 'r',
  hosts: ['a.example.com'],
  username: 'robot',
  password: one,
  accounts: [
    { username: 'a', password: two },
    { username: 'b', password: three },
  ],
  timeouts: { stall: '1m' },
  mirror: true,
};

const CLOUD = { url: 'a.test', cloud: { type: 'aws', region: 'eu-central-1', accessKeyId: one, secretAccessKey: two } };

function restore(row: Record<string, unknown>, before?: Record<string, unknown>) {
  const faults: string[] = [];
  return { row: restoreSecrets(row, before, 'row r', faults), faults };
}

describe('of a row', () => {
  test.each<[Record<string, unknown>, Record<string, unknown>]>([
    [
      ROW,
      {
        ...ROW,
        password: MASK,
        accounts: [
          { username: 'a', password: MASK },
          { username: 'b', password: MASK },
        ],
      },
    ],
    [CLOUD, { ...CLOUD, cloud: { ...CLOUD.cloud, accessKeyId: MASK, secretAccessKey: MASK } }],
    [{ password: `$\{ROW_P}` }, { password: `$\{ROW_P}` }],
    [{ password: `$\{ROW_P}${one}` }, { password: MASK }],
    [
      { authHeader: one, pasword: two, accounts: three },
      { authHeader: MASK, pasword: MASK, accounts: [MASK] },
    ],
    [{ url: `https://u:${one}@r.example.com/x` }, { url: `https://${MASK}@r.example.com/x` }],
    [{ accounts: { username: 'a', password: two } }, { accounts: [{ username: 'a', password: MASK }] }],
    [{ url: 'https://r.example.com/a@b' }, { url: 'https://r.example.com/a@b' }],
  ])('no secret is shown: %#', (row, shown) => {
    expect(maskRow(row)).toEqual(shown);
    expect(JSON.stringify(maskRow(row))).not.toMatch(new RegExp([one, two, three].join('|')));
  });

  test('what comes back as it was shown is what was there', () => {
    expect(restore(maskRow(ROW), ROW)).toEqual({ row: ROW, faults: [] });
    expect(restore(maskRow(CLOUD), CLOUD)).toEqual({ row: CLOUD, faults: [] });
  });

  test('accounts are known by their users', () => {
    const shown = maskRow(ROW) as typeof ROW;
    const { row, faults } = restore(
      { ...shown, accounts: [shown.accounts[1], { username: 'c', password: 'new' }] },
      ROW,
    );
    expect([row.accounts, faults]).toEqual([[ROW.accounts[1], { username: 'c', password: 'new' }], []]);
  });

  test.each<[Record<string, unknown>, Record<string, unknown> | undefined, string]>([
    [{ username: 'a', password: MASK }, undefined, 'row r.password: *** stands for what was there'],
    [{ username: 'a', password: MASK }, { username: 'a' }, 'row r.password: *** stands for what was there'],
    [{ accounts: [{ username: 'z', password: MASK }] }, ROW, 'row r.accounts[0].password: *** stands for'],
    [{ cloud: { type: 'aws', secretAccessKey: MASK } }, ROW, 'row r.cloud.secretAccessKey: *** stands for'],
  ])('the mask is nothing where there was nothing: %j', (row, before, fault) => {
    expect(restore(row, before).faults).toContainEqual(expect.stringContaining(fault));
  });

  // or whoever may change rows, and not read secrets, would be sent them
  test.each<[string, object]>([
    ['url', { url: 'https://evil.example' }],
    ['tokenServer', { tokenServer: 'https://evil.example/token' }],
    ['authEndpoint', { authEndpoint: 'https://evil.example/token' }],
    ['plainHttp', { plainHttp: true }],
    ['name', { name: 'other.test' }],
  ])('a secret is not shown to another %s than before', (key, change) => {
    const { faults } = restore({ ...maskRow(ROW), ...change }, ROW);
    expect(faults).toEqual([`row r.password: is for another ${key}; say it again, or leave that as it was`]);
    const said = { ...ROW, ...change };
    expect(restore(said, ROW)).toEqual({ row: said, faults: [] });
  });

  test('nor by another account of a cloud', () => {
    const { faults } = restore({ ...CLOUD, cloud: { ...CLOUD.cloud, type: 'aliyun', accessKeyId: MASK } }, CLOUD);
    expect(faults).toEqual(['row r.cloud.accessKeyId: is for another cloud; say it again, or leave that as it was']);
  });
});
