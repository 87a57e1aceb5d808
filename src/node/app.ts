import type { RequestListener } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { answerError, RegistryError } from '../core/errors';
import { READY } from '../core/readiness';
import type { Answer } from '../core/verbs';
import { pageTarget, smallPage } from '../pages/page-target';
import { guarded, HEALTH, METRICS, plainPage } from '../shell/own-pages';
import type { Contexts } from './contexts';
import { cut } from './cut';
import { admitPrefetch } from './prefetch-door';
import type { Prefetches } from './prefetch-route';
import { answer, serve } from './proxy';
import type { Administration, RegistriesRoute } from './registries-route';
import { openSession, type Session } from './session';

/**
 * The proxy, and the routes that are ours before it. Express gives request and response other prototypes, after which
 * everything Node does with them takes several times as long: what can be no route of ours goes past it. So does the
 * health check, which a platform waits for at every start, and Express takes a tenth of a start to load.
 */
export function createApp(contexts: Contexts, administration?: Administration): RequestListener {
  let routes: Express | undefined;
  const listener: RequestListener = (req, res) => {
    const isHealth = req.url === HEALTH && (req.method === 'GET' || req.method === 'HEAD');
    if (!res.socket || !(isHealth || req.url?.startsWith('/v2/'))) {
      routes ??= createRoutes(contexts, listener, administration);
      return routes(req, res);
    }
    const session = openSession(contexts.enter(res), req, res);
    if (isHealth) return page(session, plainPage('ok\n'));
    serve(session).catch((error: Error) => fail(session, error));
    return undefined;
  };
  return listener;
}

const PREFETCH = '/-/prefetch';
const EXPLAIN = '/-/explain';
const REGISTRIES = /^\/-\/api\/registries(\/|$)/;

/**
 * @param listener serves the pulls of a prefetch, as it serves everybody else's
 * @param administration of a process that can be given another configuration
 */
function createRoutes(contexts: Contexts, listener: RequestListener, administration?: Administration): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use((req, res, next) => {
    const begin = () => {
      res.locals.session = openSession(contexts.enter(res), req, res);
      // Express finds a path in any form of a target; only the core may judge the others.
      return req.url.startsWith('/') ? next() : serve(res.locals.session);
    };
    // A pipelined request waits for the one before it: Node tells a response in the queue nothing of its client's leaving.
    if (res.socket) return begin();
    res.once('socket', begin);
    return undefined;
  });
  app.use(async (_req, res, next) => {
    const session: Session = res.locals.session;
    const { head, context } = session;
    const target = pageTarget(head, context.config);
    if (!target) return next();
    const small = smallPage(head, target, context.config);
    if (small) return page(session, small);
    session.record.route = 'own';
    return (await import('./page-route')).servePage(session, target);
  });
  app.get(HEALTH, (_req, res) => page(res.locals.session, plainPage('ok\n')));
  app.get(READY, async (_req, res) => (await import('./ready-route')).serveReady(res.locals.session));
  let prefetches: Promise<Prefetches> | undefined;
  app.all(PREFETCH, async (req, res, next) => {
    if (req.method === 'OPTIONS') return next();
    const session: Session = res.locals.session;
    session.record.route = 'own';
    const origin = await admitPrefetch(session);
    if ('verb' in origin) return answer(session, origin);
    prefetches ??= import('./prefetch-route').then((module) => new module.Prefetches(listener));
    return (await prefetches).serve(session, origin);
  });
  app.all(EXPLAIN, async (_req, res, next) => {
    const session: Session = res.locals.session;
    if (!session.context.config.admin) return next();
    session.record.route = 'own';
    return (await import('./explain-route')).serveExplain(session);
  });
  app.all(METRICS, async (_req, res, next) => {
    const session: Session = res.locals.session;
    const { metrics } = session.context.config;
    if (!metrics) return next();
    session.record.route = 'own';
    return (await import('./metrics-route')).serveMetrics(session, metrics);
  });
  let registries: Promise<RegistriesRoute> | undefined;
  app.all(REGISTRIES, async (_req, res, next) => {
    const session: Session = res.locals.session;
    if (!administration || !session.context.config.admin?.changesRows) return next();
    session.record.route = 'own';
    registries ??= import('./registries-route').then((module) => new module.RegistriesRoute(administration));
    return (await registries).serve(session);
  });
  if (contexts.current.config.capabilities.hooks) addHooks(app);
  app.use((_req, res) => serve(res.locals.session));
  app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
    fail(res.locals.session, error);
  });
  return app;
}

function fail(session: Session, error: Error): void {
  const { context, res, record } = session;
  context.log.error('internal error', { why: error.stack });
  if (res.headersSent) cut(res, record);
  else answer(session, answerError(new RegistryError(500, 'UNKNOWN', 'internal error; the log has more')));
}

/** Milliseconds for what is to be told to others before the instance ends: the hook has 10 s (deploy/aliyun/s.yaml). */
const PRE_STOP_TIME = 2_000;

/**
 * Function Compute's life-cycle hooks. Anybody can ask for these paths; only the platform can say in
 * `x-fc-control-path` that it is a hook and not a request (callers may not set x-fc-* fields).
 */
function addHooks(app: Express): void {
  const hook = (path: string, message: string) => async (req: Request, res: Response) => {
    const session: Session = res.locals.session;
    const { head, context, record } = session;
    if (req.headers['x-fc-control-path'] !== path) {
      const nothing = () => answerError(new RegistryError(404, 'NAME_UNKNOWN', 'nothing here', { path }));
      return answer(session, guarded(head, context.config, nothing));
    }
    context.log.info(message, { id: record.id });
    // After its answer to the last hook a process is there no more.
    if (path === '/pre-stop') await context.traces?.flush(PRE_STOP_TIME);
    return page(session, plainPage('ok\n'));
  };
  app.post('/initialize', hook('/initialize', 'instance started'));
  app.get('/pre-stop', hook('/pre-stop', 'instance stops'));
}

function page(session: Session, shown: Answer): void {
  session.record.route = 'own';
  answer(session, shown);
}
