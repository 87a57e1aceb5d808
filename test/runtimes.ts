import { readConfig } from '../src/core/config';
import { SettingFiles } from '../src/node/files';
import { startServer } from '../src/node/server';
import { createLog } from '../src/shell/log';

/** A way to run the proxy. The specification runs on every one of them. */
export interface Runtime {
  name: string;
  start(env: Record<string, string>): Promise<Instance>;
}

export interface Instance {
  /** Origin without a slash at the end. */
  url: string;
  port: number;
  /** Every line logged so far, parsed. */
  logs(): Record<string, unknown>[];
  stop(): Promise<void>;
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

export const runtimes: Runtime[] = [node];
