import type { Action } from './rights';
import type { RouteKind } from './route';

/** What somebody does who sends such a request. An upload is part of a push, also where it is only looked at or given up. */
export function actionOf(method: string, kind: RouteKind): Action {
  if (kind === 'uploads' || kind === 'upload') return 'push';
  if (method === 'DELETE') return 'delete';
  return ['POST', 'PUT', 'PATCH'].includes(method) ? 'push' : 'pull';
}
