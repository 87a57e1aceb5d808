import { readConfig } from '../../src/core/config';
import { answerError, RegistryError } from '../../src/core/errors';
import { routeOf } from '../../src/core/route';
import { budgetError, budgetOf, type Excess, excessIn, Purse, type Spending } from '../../src/core/spending';

const NOW = Date.parse('2026-02-28T23:59:30.500Z');
const DIGEST = `sha256:${'a'.repeat(64)}`;

const about = { side: 'client', name: '10.0.0.1', now: NOW } as const;

describe('a budget', () => {
  test.each([
    [{}, { bytes: 1e15, requests: 1e9 }, undefined],
    [{ bytes: 100 }, { bytes: 99, requests: 1e9 }, undefined],
    [{ bytes: 100 }, { bytes: 100, requests: 0 }, 'bytes'],
    [{ requests: 5 }, { bytes: 1e15, requests: 4 }, undefined],
    [{ bytes: 100, requests: 5 }, { bytes: 500, requests: 5 }, 'requests'],
  ])('of %j is, with %j used, used up in %s', (budget, used, unit) => {
    expect(excessIn(budget, used, about)?.unit).toBe(unit);
  });

  test('of a registry takes the place of the common one, part by part', () => {
    const REGISTRIES = JSON.stringify({ 'ghcr.io': { budgetRequests: 7 }, 'quay.io': { budgetBytes: '2k' } });
    const config = readConfig({ BUDGET_UPSTREAM_BYTES: '1k', REGISTRIES });
    const budgets = config.upstreams.map((upstream) => [upstream.name, budgetOf(config, upstream)]);
    expect(budgets).toEqual([
      ['docker.io', { bytes: 1024 }],
      ['ghcr.io', { bytes: 1024, requests: 7 }],
      ['quay.io', { bytes: 2048 }],
    ]);
  });

  test('of a registry is one without a common one, too, and says what is done then', () => {
    const env = { REGISTRIES: '{"ghcr.io": {"budgetBytes": 5}}', BUDGET_ACTION: 'redirect' };
    expect(readConfig(env).budgets).toEqual({ action: 'redirect' });
  });

  test.each([
    ['budgetBytes', 0],
    ['budgetBytes', 'much'],
    ['budgetRequests', 0],
    ['budgetRequests', 1.5],
  ])('of a registry is not %s: %s', (key, value) => {
    expect(() => readConfig({ REGISTRIES: JSON.stringify({ 'ghcr.io': { [key]: value } }) })).toThrow(key);
  });

  test.each(['BUDGET_CLIENT_BYTES', 'BUDGET_CLIENT_REQUESTS'])('%s is none where clients say who they are', (name) => {
    expect(() => readConfig({ [name]: '5', TRUST_PROXY: 'true' })).toThrow(`${name}: with TRUST_PROXY=true`);
  });

  test('that is used up is told with the second of its reset, and of a registry without what others have used', () => {
    const excess: Excess = { ...about, unit: 'bytes', limit: 100, used: 150 };
    const answer = answerError(budgetError(excess));
    expect(answer.headers).toContainEqual(['retry-after', '30']);
    expect(JSON.parse(answer.body as string).errors[0].detail).toEqual({
      rule: 'BUDGET_CLIENT_BYTES',
      used: 150,
      unit: 'bytes',
      limit: 100,
      resets: '2026-03-01T00:00:00Z',
    });
    const other = answerError(budgetError({ ...excess, side: 'upstream', name: 'docker.io' }));
    expect(other.body).toContain('docker.io');
    expect(other.body).not.toContain('150');
  });
});

describe('a request', () => {
  const bytes: Excess = { ...about, unit: 'bytes', limit: 1, used: 1 };
  const requests: Excess = { ...about, unit: 'requests', limit: 1, used: 1 };

  function outcome(
    action: string,
    method: string,
    path: string,
    excess: Partial<Record<'client' | 'upstream', Excess>>,
  ) {
    const config = readConfig({ BUDGET_CLIENT_BYTES: '1', BUDGET_ACTION: action });
    const place = {
      config,
      route: routeOf(path, config, undefined),
      origin: { scheme: 'http', hostname: 'p', port: 80 } as const,
    };
    const begun: string[] = [];
    const spending: Spending = {
      excessOf: () => excess.client,
      begin: (client) => begun.push(client),
      upstreamExcess: () => excess.upstream,
    };
    const head = { method, target: path, headers: [], peer: { address: '2001:db8::1', secure: false } };
    try {
      const { excess: found } = new Purse(head, spending).pay(place, undefined);
      return [found ? 'elsewhere' : 'goes on', ...begun];
    } catch (error) {
      return [error instanceof RegistryError ? error.status : error, ...begun];
    }
  }

  const MANIFEST = '/v2/app/manifests/v1';
  const BLOB = `/v2/app/blobs/${DIGEST}`;
  const CLIENT = '2001:db8:0:0::/64';

  test.each([
    ['refuse', 'GET', MANIFEST, {}, ['goes on', CLIENT]],
    ['refuse', 'GET', '/v2/', { client: requests, upstream: requests }, ['goes on']],
    ['refuse', 'GET', MANIFEST, { client: bytes }, [429]],
    ['refuse', 'HEAD', MANIFEST, { client: bytes }, ['goes on', CLIENT]],
    ['refuse', 'POST', '/v2/app/blobs/uploads/', { client: bytes }, ['goes on', CLIENT]],
    ['refuse', 'HEAD', MANIFEST, { client: requests }, [429]],
    ['refuse', 'GET', BLOB, { upstream: bytes }, [429, CLIENT]],
    ['refuse', 'HEAD', BLOB, { upstream: bytes }, [429, CLIENT]],
    ['redirect', 'GET', BLOB, { client: bytes }, ['elsewhere', CLIENT]],
    ['redirect', 'GET', BLOB, { upstream: bytes }, ['elsewhere', CLIENT]],
    ['redirect', 'HEAD', BLOB, { upstream: bytes }, ['goes on', CLIENT]],
    ['redirect', 'GET', MANIFEST, { client: bytes, upstream: bytes }, ['goes on', CLIENT]],
    ['redirect', 'GET', BLOB, { client: requests }, [429]],
    ['redirect', 'GET', BLOB, { client: bytes, upstream: requests }, [429, CLIENT]],
    ['redirect', 'GET', '/artifacts/x', { client: bytes }, [429]],
  ])('with %s: %s %s, over %j, comes to %j', (action, method, path, excess, expected) => {
    expect(outcome(action, method, path, excess)).toEqual(expected);
  });
});
