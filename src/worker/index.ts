import { ConfigError } from '../core/config-error';
import { answerError, RegistryError } from '../core/errors';
import { READY } from '../core/readiness';
import { pageTarget, smallPage } from '../pages/page-target';
import { isExplainTarget } from '../shell/explain-api';
import { HEALTH, plainPage } from '../shell/own-pages';
import { isApiTarget } from '../shell/registries-api';
import { type Bindings, Contexts, logFaults } from './context';
import { serveExplain } from './explain-route';
import { servePage } from './page-route';
import type { KeepAlive } from './platform';
import { serve } from './proxy';
import { serveReady } from './ready-route';
import { type Administration, RegistriesRoute } from './registries-route';
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
    const contexts = hosts.get(env) ?? new Contexts(env);
    hosts.set(env, contexts);
    let session: Session;
    try {
      session = openSession(await contexts.current(keepAlive), request, keepAlive);
    } catch (error) {
      if (error instanceof ConfigError) return misconfigured(error);
      if (error instanceof RegistryError) return refused(error);
      throw error;
    }
    // What is to be done at the end is done also where the client leaves before.
    const response = respond(session, contexts.administration);
    keepAlive(response);
    return response;
  },
};

const registries = new RegistriesRoute();

async function respond(session: Session, administration: Administration | undefined): Promise<Response> {
  const { head, context, record } = session;
  if (administration && context.config.admin?.changesRows && isApiTarget(head.target)) {
    return answer(session, await registries.serve(session, context.config.admin, administration));
  }
  if (context.config.admin && isExplainTarget(head.target)) return answer(session, await serveExplain(session));
  const path = head.target.replace(/\?.*/, '');
  const isSeen = head.method === 'GET' || head.method === 'HEAD';
  if (isSeen && path === READY) return answer(session, await serveReady(session));
  const page = pageTarget(head, context.config);
  if (page || (isSeen && path === HEALTH)) {
    record.route = 'own';
    if (!page) return answer(session, plainPage('ok\n'));
    return answer(session, smallPage(head, page, context.config) ?? (await servePage(session, page)));
  }
  return serve(session);
}

function misconfigured(error: ConfigError): Response {
  logFaults(error);
  const message = 'the configuration has faults; the log of the Worker lists them (wrangler tail)';
  return refused(new RegistryError(500, 'UNKNOWN', message));
}

function refused(error: RegistryError): Response {
  const { status, headers, body } = answerError(error);
  return reply(status, headers, body);
}
