import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../deploy/s-yaml';
import type { Gateway } from './gateway';
import { type Scene, startScene } from './scene';

interface Finding {
  id: string;
  answer: 'yes' | 'no' | 'open';
  evidence: string;
  advice?: string;
}

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene?.close());

async function probe(
  gateway: Gateway,
  ...more: string[]
): Promise<{ exit: number | null; found: Record<string, Finding> }> {
  const script = join(root, 'deploy/aliyun/probe.mjs');
  const words = [`https://${gateway.host}`, '--connect', gateway.url, '--image', 'team/app:v1', '--json', ...more];
  const child = spawn(process.execPath, [script, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (text) => {
    printed += text;
  });
  const exit = await new Promise<number | null>((done) => child.once('close', done));
  const findings = JSON.parse(printed) as Finding[];
  return { exit, found: Object.fromEntries(findings.map((finding) => [finding.id, finding])) };
}

const answers = (found: Record<string, Finding>) =>
  Object.fromEntries(Object.entries(found).map(([id, { answer }]) => [id, answer]));

describe('probe.mjs', () => {
  it('finds everything well behind a gateway that leaves lengths alone', async () => {
    const { exit, found } = await probe(await scene.gateway(), '--push-limit');
    expect(answers(found)).toMatchObject({
      start: 'yes',
      challenge: 'yes',
      'head-challenge': 'yes',
      'manifest-head': 'yes',
      'manifest-get': 'yes',
      'small-blob': 'yes',
      'blob-head': 'yes',
      'large-blob': 'yes',
      'large-length': 'no',
      range: 'yes',
      attachment: 'yes',
      hooks: 'yes',
      'token-size': 'yes',
      'push-31': 'yes',
      'push-33': 'no',
    });
    expect(found).not.toHaveProperty('end');
    expect(found['token-size']?.evidence).toContain('9000 bytes: 400 by FC');
    expect(found['target-size']?.evidence).toContain('5000 bytes: 400 by FC');
    expect(exit).toBe(0);
  });

  it('says so where lengths of HEAD are lost and answers are made attachments', async () => {
    const { exit, found } = await probe(await scene.gateway({ headLength: 'zero', attachment: true }));
    expect(answers(found)).toMatchObject({ 'manifest-head': 'no', 'blob-head': 'no', attachment: 'no' });
    expect(found['manifest-head']?.advice).toMatch(/oras/);
    expect(exit).toBe(0);
  });

  it('says so where large bodies with a length are refused, and that chunked ones are not', async () => {
    const length = await startScene({ BODY_FRAMING: 'length' });
    try {
      const { exit, found } = await probe(await length.gateway({ bufferAtMost: 10_000_000 }));
      expect(found['large-blob']).toMatchObject({
        answer: 'no',
        advice: expect.stringContaining('BODY_FRAMING=chunked'),
      });
      expect(exit).toBe(1);
      const { found: whole } = await probe(await length.gateway());
      expect(answers(whole)).toMatchObject({ 'large-blob': 'yes', 'large-length': 'yes' });
    } finally {
      await length.close();
    }
    const { found } = await probe(await scene.gateway({ bufferAtMost: 10_000_000 }));
    expect(answers(found)).toMatchObject({ 'large-blob': 'yes' });
  }, 90_000);
});
