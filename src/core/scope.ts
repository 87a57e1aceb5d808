import type { Config, Upstream } from './config';
import { nameForClients, nameInScope } from './names';
import { withoutSecret } from './secret-path';
import { findUpstream } from './upstreams';

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

/**
 * A scope as the upstream names it in a challenge → as clients may ask for it: `REPO_PREFIX` off, and the registry's name
 * on where it is not the default, so that our token endpoint knows which one is meant.
 */
export function clientScope(text: string, upstream: Upstream, config: Config): string {
  const scope = parseScope(text);
  if (!scope || !isRepository(scope.type)) return text;
  const name = nameForClients(scope.name, upstream) ?? scope.name;
  const named = upstream.name === config.upstreams[0].name ? name : `${upstream.name}/${name}`;
  return `${scope.type}:${named}:${scope.actions}`;
}

/** The registry that a scope names; undefined for one that names none, and so means the default. */
export function registryOfScope(text: string, config: Config): Upstream | undefined {
  const [first, ...others] = withoutSecret(parseScope(text)?.name.split('/') ?? [], config);
  return others.length > 0 ? findUpstream(first.toLowerCase(), config) : undefined;
}

/** `repository`, also with a class: `repository(plugin)`. */
function isRepository(type: string): boolean {
  return /^repository(\(.*\))?$/.test(type);
}
