import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { readConfig } from '../src/core/config';
import { pageState } from '../src/core/inspect/state';
import { createApp } from '../src/node/app';
import { Contexts, createContext } from '../src/node/contexts';
import { SettingFiles } from '../src/node/files';
import { inspectPlace } from '../src/node/inspect-place';
import { answer } from '../src/node/proxy';
import { openSession } from '../src/node/session';
import { Guard } from '../src/shell/guard';
import { inspectImage } from '../src/shell/inspect-image';
import { createLog } from '../src/shell/log';
import { answerJson } from '../src/shell/row-answers';
import type { Runtime } from './runtimes';
import { bundle } from './storage/r2-server';
import { askedFor } from './upstream/inspecting';
import { workerOf } from './worker-runtime';

/** The proxy, which shows what it sees of an image as JSON in place of a page. */
const node: Runtime = {
  name: 'Node',
  async start(env) {
    const lines: string[] = [];
    const config = readConfig({ HOST: '127.0.0.1', PORT: '0', ...env }, [], {}, new SettingFiles());
    const log = createLog({ level: config.logLevel, format: 'json', write: (line) => lines.push(line) });
    const contexts = new Contexts(await createContext(config, new Guard(), log));
    const app = createApp(contexts);
    const server = http.createServer(async (req, res) => {
      const asked = askedFor(req.url as string);
      if (asked === undefined) return app(req, res);
      const session = openSession(contexts.enter(res), req, res);
      const seen =
        asked === '' ? { state: pageState(session.context) } : await inspectImage(asked, inspectPlace(session));
      return answer(session, answerJson(200, seen));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      logs: () => lines.flatMap((line) => line.split('\n').filter(Boolean)).map((line) => JSON.parse(line)),
      stop: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        await contexts.close();
      },
    };
  },
};

let inspector: Promise<string> | undefined;

export const inspecting: readonly Runtime[] = [
  node,
  workerOf(() => {
    inspector ??= bundle('test/worker/inspecting.ts');
    return inspector;
  }),
];
