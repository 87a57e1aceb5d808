import { weightOf } from '../core/accept';
import { checkAddress } from '../core/client-rules';
import { answerError, RegistryError } from '../core/errors';
import type { MetricsAccess } from '../core/sight';
import type { Answer } from '../core/verbs';
import { attemptsOf, checkBearer } from '../shell/admin-entrance';
import { answer } from './proxy';
import { OPEN_METRICS, scrape, TEXT } from './scrape';
import type { Session } from './session';

/** `GET /-/metrics`. */
export async function serveMetrics(session: Session, access: MetricsAccess): Promise<void> {
  const { head, context } = session;
  const refused = context.guard.admit(head, context.config);
  return answer(session, refused ?? (await answerTo(session, access)));
}

async function answerTo({ head, context }: Session, access: MetricsAccess): Promise<Answer> {
  const { config, guard } = context;
  try {
    if (!access.isPublic) {
      const entrance = { tokens: access.tokens, what: 'METRICS_TOKEN or ADMIN_TOKEN', realm: 'registry-proxy metrics' };
      checkBearer(head, entrance, config, attemptsOf(guard));
    }
    // No login is asked for here, with which `SATISFY=any` would do without the address.
    else checkAddress(head, config);
    if (!['GET', 'HEAD'].includes(head.method)) throw wrongMethod(head.method);
  } catch (error) {
    if (error instanceof RegistryError) return { ...answerError(error), sameOrigin: true };
    throw error;
  }
  const weight = (type: string) => weightOf(type.split(';')[0], head.headers);
  // A browser takes anything, and shows the one with text.
  const type = weight(OPEN_METRICS) > weight(TEXT) ? OPEN_METRICS : TEXT;
  return {
    verb: 'answer',
    status: 200,
    headers: [
      ['content-type', type],
      ['cache-control', 'no-store'],
      ['vary', 'Accept'],
      ['x-content-type-options', 'nosniff'],
    ],
    body: await scrape(context, type),
    sameOrigin: true,
  };
}

function wrongMethod(method: string): RegistryError {
  const details = { allowed: ['GET', 'HEAD'] };
  return new RegistryError(405, 'UNSUPPORTED', `${method} is not supported here`, details, [['allow', 'GET, HEAD']]);
}
