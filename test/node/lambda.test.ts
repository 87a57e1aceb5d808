import { PassThrough } from 'node:stream';
import { runCommand } from '../../src/node/commands';

async function run(argv: string[], env: Record<string, string> = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await runCommand(['lambda', ...argv], { stdin, stdout, stderr, env });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test('outside of AWS Lambda it says where it belongs, and ends', async () => {
  const { code, out, err } = await run([]);
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/^AWS_LAMBDA_RUNTIME_API is not set: .*deploy\/aws\/README\.md/);
});

test('--help says what it is', async () => {
  const { code, out } = await run(['--help'], { AWS_LAMBDA_RUNTIME_API: '127.0.0.1:1' });
  expect(code).toBe(0);
  expect(out).toMatch(/^Usage: registry-proxy lambda/);
});

test('a platform that cannot be reached ends it with a reason', async () => {
  const env = { AWS_LAMBDA_RUNTIME_API: '127.0.0.1:1', REGISTRY_BACKEND: 'nonsense://' };
  await expect(run([], env)).rejects.toMatchObject({ faults: [expect.stringContaining('REGISTRY_BACKEND')] });
});
