import type { Config, Upstream } from './config';
import { nameForClients, nameInScope } from './names';

/**
 * A token scope, `type:name:actions` (distribution, "Token Scope Documentation"). The name may hold `host:port`, so it
 * lies between the first and the last colon. What has another form (`aws` of public.ecr.aws) is passed as it is.
 */
interface Scope {
  readonly type: string;
  readonly name: string;
  readonly actions: string;
}

function parseScope(text: string): Scope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first <= 0 || last <= first) return undefined;
  return { type: text.slice(0, first), name: text.slice(first + 1, last), actions: text.slice(last + 1) };
}

/** Several scopes may stand in one value, with spaces between. */
export function splitScopes(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(/\s+/)).filter(Boolean);
}

/** A scope as the client asks for it → as the upstream knows it: registry name off, `library/` on. */
export function upstreamScope(text: string, upstream: Upstream, config: Config): string {
  const scope = parseScope(text);
  if (!scope || !isRepository(scope.type)) return text;
  return `${scope.type}:${nameInScope(scope.name, upstream, config)}:${scope.actions}`;
}

/** A scope as the upstream names it in a challenge → as clients may ask for it: `REPO_PREFIX` off. */
export function clientScope(text: string, upstream: Upstream): string {
  const scope = parseScope(text);
  if (!scope || !isRepository(scope.type)) return text;
  return `${scope.type}:${nameForClients(scope.name, upstream) ?? scope.name}:${scope.actions}`;
}

/** `repository`, also with a class: `repository(plugin)`. */
function isRepository(type: string): boolean {
  return /^repository(\(.*\))?$/.test(type);
}
