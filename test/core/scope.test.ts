import { splitScopes, upstreamScope } from '../../src/core/scope';
import { configOf, REGISTRY } from './heads';

test.each<[string[], string[]]>([
  [[], []],
  [[''], []],
  [['a:b:pull'], ['a:b:pull']],
  [
    ['a:b:pull c:d:push', 'e'],
    ['a:b:pull', 'c:d:push', 'e'],
  ],
  [['  a \t b  '], ['a', 'b']],
])('%j are the scopes %j', (values, expected) => {
  expect(splitScopes(values)).toEqual(expected);
});

describe('a scope upstream', () => {
  const HUB = {};
  const OTHER = { REGISTRY_BACKEND: 'https://registry.example.com:5000' };

  test.each<[Record<string, string>, string, string]>([
    [HUB, 'repository:nginx:pull', 'repository:library/nginx:pull'],
    [HUB, 'repository:nginx:pull,push', 'repository:library/nginx:pull,push'],
    [HUB, 'repository:library/nginx:pull', 'repository:library/nginx:pull'],
    [HUB, 'repository:a/b:*', 'repository:a/b:*'],
    [HUB, 'repository(plugin):vieux/sshfs:pull', 'repository(plugin):vieux/sshfs:pull'],
    [HUB, 'repository(plugin):sshfs:pull', 'repository(plugin):library/sshfs:pull'],
    [HUB, 'repository:docker.io/nginx:pull', 'repository:library/nginx:pull'],
    [HUB, 'repository:Docker.io/a/b:pull', 'repository:a/b:pull'],
    [HUB, 'repository:registry-1.docker.io/a/b:pull', 'repository:a/b:pull'],
    [HUB, 'repository:ghcr.io/a/b:pull', 'repository:ghcr.io/a/b:pull'],
    [HUB, 'registry:catalog:*', 'registry:catalog:*'],
    [HUB, 'aws', 'aws'],
    [HUB, 'repository', 'repository'],
    [HUB, 'repository:nginx', 'repository:nginx'],
    [HUB, ':nginx:pull', ':nginx:pull'],
    [REGISTRY, 'repository:nginx:pull', 'repository:nginx:pull'],
    [REGISTRY, 'repository:registry.example.com/nginx:pull', 'repository:nginx:pull'],
    [OTHER, 'repository:registry.example.com:5000/a/b:pull', 'repository:a/b:pull'],
    [OTHER, 'repository:localhost:5000/a/b:pull', 'repository:localhost:5000/a/b:pull'],
  ])('%j: %s', (env, scope, expected) => {
    const config = configOf(env);
    expect(upstreamScope(scope, config.upstreams[0], config)).toBe(expected);
  });
});

test('a registry named before a repository of another one is part of the name there', () => {
  const config = configOf({ ...REGISTRY, REGISTRIES: 'ghcr.io,quay.io' });
  const [, ghcr] = config.upstreams;
  expect(upstreamScope('repository:ghcr.io/a/b:pull', ghcr, config)).toBe('repository:a/b:pull');
  expect(upstreamScope('repository:quay.io/a/b:pull', ghcr, config)).toBe('repository:quay.io/a/b:pull');
});
