import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownCache } from '../bench/caches';
import { STORM_SETTINGS } from '../bench/faults';
import { startServer } from '../bench/processes';
import { storm } from '../bench/storm';
import { bundle, layerNode, project } from './prepare';

/** The same as `yarn bench faults`, which takes its time. E2E_SEED plays a run again, as far as time allows. */
const SECONDS = 60;
const seed = process.env.E2E_SEED ?? randomBytes(6).toString('hex');

test('30 clients and a registry that fails in every way: no pull fails, no byte is wrong', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'faults-'));
  const tsx = createRequire(join(project, 'package.json')).resolve('tsx');
  const program = join(project, 'test/bench/peers/faulty-registry.ts');
  const registry = await startServer(process.execPath, ['--import', tsx, program], { SEED: seed }, folder);
  const proxy = await ownCache({ folder, bundle }, { version: '', binary: layerNode() }, STORM_SETTINGS).start(
    registry.url,
  );
  const damage = await storm({ url: proxy.url, seed, clients: 30, seconds: SECONDS });
  await proxy.stop();
  await registry.stop();
  rmSync(folder, { recursive: true });
  expect({
    seed,
    failed: damage.failed,
    wrong: damage.wrong,
    why: damage.failed + damage.wrong ? damage.faults : {},
  }).toEqual({ seed, failed: 0, wrong: 0, why: {} });
  expect(damage.pulls).toBeGreaterThan(100);
});
