import { ConfigError } from '../core/config-error';
import { answerError, RegistryError } from '../core/errors';
import { HEALTH, plainPage, welcomePage } from '../shell/own-pages';
import { type Bindings, Contexts, logFaults } from './context';
import type { KeepAlive } from './platform';
import { serve } from './proxy';
import { answer, reply } from './reply';
import { openSession, type Session } from './session';

interface Execution {
  waitUntil(work: Promise<unknown>): void;
}

/** By bindings, which are one object as long as an isolate lives. */
const hosts = new WeakMap<Bindings, Contexts>();

export default {
  /** What Cloudflare calls for each request. */
  async fetch(request: Request, env: Bindings, execution: Execution): Promise<Response> {
    const keepAlive: KeepAlive = (work) => execution.waitUntil(work.catch(() => {}));
    let session: Session;
    try {
      const contexts = hosts.get(env) ?? new Contexts(env);
      hosts.set(env, contexts);
      session = openSession(contexts.current(), request, keepAlive);
    } catch (error) {
      if (error instanceof ConfigError) return misconfigured(error);
      throw error;
    }
    // What is to be done at the end is done also where the client leaves before.
    const response = respond(session);
    keepAlive(response);
    return response;
  },
};

async function respond(session: Session): Promise<Response> {
  const { head, context, record } = session;
  if (head.method === 'GET' || head.method === 'HEAD') {
    const path = head.target.replace(/\?.*/, '');
    const page = path === HEALTH ? plainPage('ok\n') : path === '/' ? welcomePage(head, context.config) : undefined;
    if (page) {
      record.route = 'own';
      return answer(session, page);
    }
  }
  return serve(session);
}

function misconfigured(error: ConfigError): Response {
  logFaults(error);
  const message = 'the configuration has faults; the log of the Worker lists them (wrangler tail)';
  const { status, headers, body } = answerError(new RegistryError(500, 'UNKNOWN', message));
  return reply(status, headers, body);
}
