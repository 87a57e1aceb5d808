// Runs in workerd: the Worker, which shows what it sees of an image as JSON in place of a page.
import { pageState } from '../../src/core/inspect/state';
import { inspectImage } from '../../src/shell/inspect-image';
import { answerJson } from '../../src/shell/row-answers';
import { type Bindings, Contexts } from '../../src/worker/context';
import worker from '../../src/worker/index';
import { inspectPlace } from '../../src/worker/inspect-place';
import { answer } from '../../src/worker/reply';
import { openSession } from '../../src/worker/session';
import { askedFor } from '../upstream/inspecting';

const all = new WeakMap<Bindings, Contexts>();

export default {
  async fetch(request: Request, env: Bindings, execution: { waitUntil(work: Promise<unknown>): void }) {
    const asked = askedFor(request.url);
    if (asked === undefined) return worker.fetch(request, env, execution);
    const keepAlive = (work: Promise<unknown>) => execution.waitUntil(work.catch(() => {}));
    const contexts = all.get(env) ?? new Contexts(env);
    all.set(env, contexts);
    const session = openSession(await contexts.current(keepAlive), request, keepAlive);
    const seen =
      asked === '' ? { state: pageState(session.context) } : await inspectImage(asked, inspectPlace(session));
    return answer(session, answerJson(200, seen));
  },
};
