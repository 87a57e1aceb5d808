import fc from 'fast-check';
import { isOfRegistry, MAX_PATTERN_LENGTH, matches, type Pattern, parsePattern } from '../../src/core/patterns';

const pattern = (text: string): Pattern => {
  const parsed = parsePattern(text);
  if (!parsed) throw new Error(`${text} is no pattern`);
  return parsed;
};

/** Whether a pattern means an image, written as `registry/repository`. */
function means(text: string, image: string, defaultName = 'docker.io'): boolean {
  const slash = image.indexOf('/');
  return matches(pattern(text), image.slice(0, slash), image.slice(slash + 1), defaultName);
}

describe('a pattern', () => {
  test.each([
    // one repository
    ['docker.io/library/nginx', 'docker.io/library/nginx'],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app'],
    ['localhost/app', 'localhost/app'],
    ['localhost:5000/app', 'localhost:5000/app'],
    ['[::1]:5000/app', '[::1]:5000/app'],
    ['127.0.0.1:5000/team/app', '127.0.0.1:5000/team/app'],
    // of the default registry
    ['library/nginx', 'docker.io/library/nginx'],
    ['team/app', 'docker.io/team/app'],
    ['nginx', 'docker.io/library/nginx'],
    ['nginx', 'docker.io/nginx'],
    ['library/nginx', 'docker.io/nginx'],
    // Docker Hub, whatever it is called
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
    ['Registry-1.Docker.IO/nginx', 'docker.io/library/nginx'],
    ['docker.io/library/nginx', 'registry.hub.docker.com/library/nginx'],
    ['k8s.gcr.io/pause', 'registry.k8s.io/pause'],
    ['GHCR.io/acme/app', 'ghcr.io/acme/app'],
    // within a component
    ['docker.io/library/*', 'docker.io/library/nginx'],
    ['docker.io/*', 'docker.io/library/nginx'],
    ['docker.io/ngin*', 'docker.io/library/nginx'],
    ['ghcr.io/team-*/app', 'ghcr.io/team-a/app'],
    ['ghcr.io/*-team/*-app', 'ghcr.io/a-team/b-app'],
    ['ghcr.io/a*b*c/app', 'ghcr.io/abbbcabc/app'],
    ['ghcr.io/acme/a*', 'ghcr.io/acme/a'],
    ['team/*', 'docker.io/team/app'],
    // the registry too
    ['*/acme/app', 'ghcr.io/acme/app'],
    ['*.example.com/app', 'r.example.com/app'],
    ['*/*', 'quay.io/app'],
    ['*/*', 'docker.io/library/nginx'],
    ['*/nginx', 'docker.io/library/nginx'],
    // any number of components
    ['ghcr.io/**', 'ghcr.io/a'],
    ['ghcr.io/**', 'ghcr.io/a/b/c/d'],
    ['docker.io/**', 'docker.io/library/nginx'],
    ['ghcr.io/acme/**', 'ghcr.io/acme/app'],
    ['ghcr.io/acme/**', 'ghcr.io/acme/a/b'],
    ['registry.gitlab.com/acme/**', 'registry.gitlab.com/acme'],
    ['ghcr.io/**/app', 'ghcr.io/app'],
    ['ghcr.io/**/app', 'ghcr.io/a/b/app'],
    ['ghcr.io/**/b/**/d', 'ghcr.io/a/b/b/c/d'],
    ['team/**', 'docker.io/team/app'],
    ['**', 'docker.io/library/nginx'],
    ['**', 'quay.io/a/b/c'],
    ['**/nginx', 'docker.io/library/nginx'],
    ['**/nginx', 'docker.io/bitnami/nginx'],
    ['**/nginx', 'quay.io/nginx'],
  ])('%s means %s', (text, image) => {
    expect(means(text, image)).toBe(true);
  });

  test.each([
    ['docker.io/library/nginx', 'docker.io/library/nginx2'],
    ['docker.io/library/nginx', 'docker.io/bitnami/nginx'],
    ['docker.io/library/nginx', 'ghcr.io/library/nginx'],
    ['docker.io/nginx', 'docker.io/other/nginx'],
    ['ghcr.io/nginx', 'ghcr.io/library/nginx'],
    ['nginx', 'quay.io/nginx'],
    ['team/app', 'ghcr.io/team/app'],
    ['docker.io/*', 'docker.io/team/app'],
    ['docker.io/library/*', 'docker.io/library/a/b'],
    ['ghcr.io/*', 'ghcr.io/acme/app'],
    ['ghcr.io/team-*', 'ghcr.io/team-a/app'],
    ['ghcr.io/team-*/app', 'ghcr.io/teams/app'],
    ['ghcr.io/a*b', 'ghcr.io/abc'],
    ['ghcr.io/acme/**', 'ghcr.io/acme2/app'],
    ['ghcr.io/acme/**', 'ghcr.io/x/acme/app'],
    ['ghcr.io/**/app', 'ghcr.io/a/app/b'],
    ['*/*', 'quay.io/a/b'],
    ['*/app', 'quay.io/x/app'],
    ['*.example.com/app', 'example.com/app'],
    ['team*/app', 'docker.io/team/app'],
    // a dot is a dot
    ['ghcr.io/a.b/app', 'ghcr.io/axb/app'],
    ['ghcr.io/app', 'ghcrxio/app'],
  ])('%s does not mean %s', (text, image) => {
    expect(means(text, image)).toBe(false);
  });

  test('belongs to the registry that is the default', () => {
    expect(means('team/app', 'ghcr.io/team/app', 'ghcr.io')).toBe(true);
    expect(means('nginx', 'ghcr.io/nginx', 'ghcr.io')).toBe(true);
    expect(means('nginx', 'ghcr.io/library/nginx', 'ghcr.io')).toBe(false);
    expect(means('team/app', 'docker.io/team/app', 'ghcr.io')).toBe(false);
    expect(means('nginx', 'docker.io/library/nginx', 'index.docker.io')).toBe(true);
  });

  test.each([
    '',
    '/',
    '*',
    'ghcr.io',
    'ghcr.io/',
    'localhost',
    'localhost:5000',
    '/nginx',
    'nginx/',
    'a//b',
    'nginx:latest',
    'library/nginx:latest',
    `library/nginx@sha256:${'0'.repeat(64)}`,
    'https://ghcr.io/acme/app',
    'ghcr.io/Acme/app',
    'Team/app',
    'ghcr.io/acme/***',
    'ghcr.io/acme/a**',
    'ghcr.io/**b/app',
    'g**/app',
    'ghcr.io/a b',
    'ghcr.io/a?',
    'ghcr.io/(a+)+$',
    'ghcr.io/a\\b',
    'ghcr.io/é',
    'gh%63r.io/app',
    `ghcr.io/${'a'.repeat(MAX_PATTERN_LENGTH)}`,
  ])('%j is none', (text) => {
    expect(parsePattern(text)).toBeUndefined();
  });

  test.each([
    ['ghcr.io/**', 'ghcr.io', true],
    ['**', 'ghcr.io', true],
    ['*/app', 'ghcr.io', true],
    ['app', 'docker.io', true],
    ['app', 'ghcr.io', false],
    ['evil*/**', 'docker.io', false],
    ['index.docker.io/app', 'docker.io', true],
  ])('%s is about %s: %s', (text, registry, expected) => {
    expect(isOfRegistry(pattern(text), registry, 'docker.io')).toBe(expected);
  });
});

describe('matching', () => {
  /** What the words of the documentation say, tried out in every way there is. */
  function slow(places: string[], names: string[]): boolean {
    const [place, ...others] = places;
    if (place === undefined) return names.length === 0;
    if (place === '**') return names.some((_, index) => slow(others, names.slice(index))) || slow(others, []);
    return names.length > 0 && slowText(place, names[0]) && slow(others, names.slice(1));
  }

  function slowText(text: string, name: string): boolean {
    if (text === '') return name === '';
    if (text[0] === '*') return slowText(text.slice(1), name) || (name !== '' && slowText(text, name.slice(1)));
    return name !== '' && text[0] === name[0] && slowText(text.slice(1), name.slice(1));
  }

  const component = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 5 });
  const places = fc.array(fc.oneof(fc.constant('**'), component), { minLength: 1, maxLength: 5 });
  const names = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 6,
  });

  test('finds what trying every way would find', () => {
    fc.assert(
      fc.property(places, names, (wanted, path) => {
        const parsed = parsePattern(`r.test/${wanted.join('/')}`);
        fc.pre(parsed !== undefined);
        expect(matches(parsed as Pattern, 'r.test', path.join('/'), 'docker.io')).toBe(slow(wanted, path));
      }),
      { numRuns: 2000 },
    );
  });

  test('takes every repository for itself', () => {
    fc.assert(
      fc.property(names, (path) => {
        expect(means(`quay.io/${path.join('/')}`, `quay.io/${path.join('/')}`)).toBe(true);
      }),
    );
  });

  test('never throws, whatever is written', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (text, registry, repository) => {
        const parsed = parsePattern(text);
        if (parsed) matches(parsed, registry, repository, 'docker.io');
      }),
    );
  });

  // Tried in every way, each of these would outlast the universe.
  test.each([
    ['stars in a component', `r.test/${'*a'.repeat(200)}*b`, 'a'.repeat(400)],
    ['any number of components', `r.test/${'**/a/'.repeat(90)}b`, Array(200).fill('a').join('/')],
    ['both', `r.test/${'**/*a*a/'.repeat(60)}b`, Array(100).fill('aaa').join('/')],
  ])('ends soon with %s', (_, text, repository) => {
    expect(matches(pattern(text), 'r.test', repository, 'docker.io')).toBe(false);
  });
});
