import { readFileSync } from 'node:fs';
import { type FunctionUrlOptions, startFunctionUrl } from './function-url';

/** The stand-in as a program: the file that is named has its options. Ends with the codes of its instances added up. */
async function main(): Promise<void> {
  const options: FunctionUrlOptions = JSON.parse(readFileSync(String(process.argv[2]), 'utf8'));
  const print = (text: string) => process.stdout.write(text);
  const lambda = await startFunctionUrl({
    ...options,
    onOutput: print,
    // Without the headers: a redirect has a signed URL in them.
    onInvoked: ({ headers: _, ...invoked }) => {
      print(`${JSON.stringify({ msg: 'invocation', level: 'info', ...invoked })}\n`);
    },
  });
  process.once('SIGTERM', async () => {
    const codes = await lambda.stop();
    process.exit(codes.reduce<number>((sum, code) => sum + (code ?? 1), 0));
  });
  print(`${JSON.stringify({ msg: 'listening', level: 'info', url: lambda.url })}\n`);
}

main();
