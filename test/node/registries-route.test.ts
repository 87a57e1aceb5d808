import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../upstream/client';
import { startRegistry } from '../upstream/registry';
import { smallImage, until } from '../upstream/scene';
import { processFrom } from './process';

const folder = mkdtempSync(join(tmpdir(), 'route-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a process serves a row as soon as it has been put, and follows its file when somebody else writes it', async () => {
  const file = join(folder, 'registries.json');
  writeFileSync(file, '{"registries": ["quay.io"], "rows": {}}');
  const registry = await startRegistry();
  smallImage(registry);
  const processes = await processFrom();
  try {
    const token = randomUUID();
    const child = processes.start({ ADMIN_TOKEN: token, REGISTRIES: file, HOST: '127.0.0.1', PORT: '0' });
    const { url } = await child.listening();
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'corp.test', url: registry.url });
    const manifest = () => ask(`${url}/v2/team/app/manifests/v1?ns=corp.test`);
    expect((await manifest()).status).toBe(404);
    expect((await ask(`${url}/-/api/registries/corp`, { method: 'PUT', headers, body })).status).toBe(201);
    expect((await manifest()).status).toBe(200);
    const said = child.lines().filter(({ msg }) => msg !== 'request');
    expect(said.map(({ msg, what, key, keys, files }) => [msg, what, key, keys, files])).toEqual([
      ['listening', undefined, undefined, undefined, undefined],
      ['registries changed', 'created', 'corp', 'name url', undefined],
      ['configuration reloaded', undefined, undefined, undefined, file],
    ]);
    const document = JSON.parse(readFileSync(file, 'utf8'));
    document.rows.bad = {};
    delete document.rows.corp;
    writeFileSync(file, JSON.stringify(document));
    child.signal('SIGHUP');
    const left = () => child.lines().some(({ msg }) => /^left out: row bad/.test(String(msg)));
    expect(await until(left, 5000)).toBe(true);
    expect((await manifest()).status).toBe(404);
    const list = (await ask(`${url}/-/api/registries`, { headers })).json();
    expect(list).toEqual({
      registries: [{ key: 'bad', status: [expect.stringContaining('row bad.targetDomain: is missing')] }],
      others: ['docker.io', 'quay.io'],
    });
    expect(child.out() + child.err()).not.toContain(token);
  } finally {
    processes.stop();
    await registry.stop();
  }
});
