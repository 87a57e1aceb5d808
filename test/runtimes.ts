import { readConfig } from '../src/core/config';
import { SettingFiles } from '../src/node/files';
import { startServer } from '../src/node/server';
import { createLog } from '../src/shell/log';
import { worker } from './worker-runtime';

/** What some runtimes cannot have, whatever we write. */
export type Trait =
  | 'broken chunks'
  | 'connect-time check'
  | 'departures'
  | 'field lines'
  | 'files'
  | 'joining'
  | 'platforms'
  | 'process'
  | 'reasons'
  | 'request line';

/** A way to run the proxy. The specification runs on every one of them. */
export interface Runtime {
  name: string;
  /** What it cannot have, and why. */
  lacks?: Readonly<Partial<Record<Trait, string>>>;
  /** Bytes of a body that may have come, and be lost, when it is cut. */
  gathers?: number;
  start(env: Record<string, string>): Promise<Instance>;
}

/** For a case that is skipped where a runtime cannot have what it is about; its name says why. */
export function unless(runtime: Runtime, trait: Trait): jest.It {
  const why = runtime.lacks?.[trait];
  if (why === undefined) return test;
  const said = (name: unknown) => `${name} (${why})`;
  const skipped = (name: string) => test.skip(said(name), () => {});
  const each =
    (...table: never[]) =>
    (name: string, ...rest: never[]) =>
      (Reflect.apply(test.skip.each, test, table) as unknown as (name: string, ...rest: never[]) => void)(
        said(name),
        ...rest,
      );
  return Object.assign(skipped, { each }) as unknown as jest.It;
}

export interface Instance {
  /** Origin without a slash at the end. */
  url: string;
  port: number;
  /** Every line logged so far, parsed. */
  logs(): Record<string, unknown>[];
  stop(): Promise<void>;
  /** Whether a blob is in the bucket that this instance has in place of a folder. */
  isInBucket?(digest: string): Promise<boolean>;
}

const node: Runtime = {
  name: 'Node',
  async start(env) {
    const lines: string[] = [];
    const sources = () => ({
      argv: [],
      env: { HOST: '127.0.0.1', PORT: '0', ...env },
      file: {},
      files: new SettingFiles(),
    });
    const read = () => readConfig(sources().env, [], {}, new SettingFiles());
    const config = read();
    const log = createLog({ level: config.logLevel, format: 'json', write: (line) => lines.push(line) });
    const server = await startServer(config, log, { read: sources, reload: () => server.apply(read()) });
    return {
      url: `http://127.0.0.1:${server.port}`,
      port: server.port,
      logs: () => lines.flatMap((line) => line.split('\n').filter(Boolean)).map((line) => JSON.parse(line)),
      stop: () => server.close(),
    };
  },
};

export const runtimes: Runtime[] = [node, worker];

/** For what is Node's alone: disks, buckets by S3, modules that a test replaces. */
export const nodeOnly: Runtime[] = [node];
