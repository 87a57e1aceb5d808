import type { Edge } from './edge';

const limit = { bytes: Number.POSITIVE_INFINITY, status: 500, code: 'Limit', message: 'over the limit' };

/** One that limits and adds nothing, for tests of what is common to all. */
export function plainEdge(changes: Partial<Edge> = {}): Edge {
  return {
    deadline: 60_000,
    repeats: [],
    tellsOfLeaving: true,
    request: { body: limit, drops: () => false, adds: () => ({}) },
    response: {
      streams: () => true,
      drops: () => false,
      adds: () => ({}),
      headLength: ({ headers }) => headers['content-length'],
    },
    refuse: ({ code, message }) => ({ headers: { 'content-type': 'text/plain' }, body: `${code}: ${message}` }),
    ...changes,
  };
}
