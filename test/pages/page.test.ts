import type { ImageReport } from '../../src/core/inspect/report';
import { answerPage, type PagePlace } from '../../src/pages/page';
import { pageTarget } from '../../src/pages/page-target';
import { configOf, DIGEST, type Fields, request } from '../core/heads';

const EVIL = `"'><script>alert(1)</script><img src=x onerror=alert(1)>\u202e`;

const report: ImageReport = {
  ...{ image: EVIL, registry: EVIL, repository: EVIL, reference: EVIL, digest: EVIL, mediaType: EVIL },
  ...{ kind: 'artifact', artifactType: EVIL, omitted: 1, others: [EVIL] },
  platforms: [
    {
      ...{ platform: EVIL, digest: EVIL, size: Number.NaN, created: EVIL },
      layers: [
        { digest: EVIL, size: -1, mediaType: EVIL, createdBy: EVIL },
        { digest: EVIL, size: 1, mediaType: EVIL, createdBy: EVIL.repeat(20) },
        { digest: EVIL, size: 1, mediaType: EVIL },
      ],
    },
  ],
};

const refused = { status: 404, code: EVIL, message: EVIL, challenge: EVIL, retryAfter: EVIL };

const evil: Omit<PagePlace, 'config'> = {
  now: 0,
  admit: () => undefined,
  identify: async () => ({ kind: 'anonymous' }),
  inspect: async (image) => (image === 'refused' ? { refused } : { report }),
  search: async () => ({ hits: [{ name: EVIL, description: EVIL, stars: Number.NaN, isOfficial: true }] }),
  state: () => ({
    cache: { entries: 1, bytes: 2, maxBytes: 3, hits: 0, misses: 0 },
    quotas: [{ registry: EVIL, account: EVIL, remaining: 1, limit: 2 }],
  }),
  guides: () => [{ client: 'docker', steps: [{ kind: 'file', path: EVIL, text: EVIL }] }],
};

async function see(query: string, env: Record<string, string> = {}, headers: Fields = {}) {
  const config = configOf(env);
  const head = request(`GET /${query}`, { accept: 'text/html', ...headers });
  const target = pageTarget(head, config);
  if (!target) throw new Error(`${query} is no page`);
  return answerPage(head, target, { ...evil, config });
}

const typed = encodeURIComponent(EVIL);

test.each([
  '',
  '?image=nginx',
  '?image=refused',
  '?search=a',
  `?image=${typed}`,
  `?search=${typed}`,
  `?lang=${typed}`,
  `?image=nginx&lang=${typed}`,
])('nothing that comes from elsewhere becomes markup: %s', async (query) => {
  const { body, headers } = await see(query);
  expect(body?.match(/<script/g)).toHaveLength(1);
  expect(body).not.toMatch(/<img src=x|\u202e|alert\(1\)<\/script>/);
  // Every tag of the page is one of ours, with attributes of ours.
  const tags = [...(body ?? '').matchAll(/<[a-z][^>]*>/g)].map(([tag]) => tag);
  expect(tags.filter((tag) => /\son[a-z]+=|\sstyle=/.test(tag.replace(/"[^"]*"/g, '""')))).toEqual([]);
  expect(headers.filter(([, value]) => /[^\x20-\x7e]/.test(value) || value.includes('<script'))).toEqual([]);
});

test.each([`a"><script>alert(1)</script>`, 'r.example.com\u0000', 'a b'])(
  'a Host that is none gets no page: %j',
  async (host) => {
    const { status, headers } = await see('', {}, { host });
    expect([status, headers[0]]).toEqual([400, ['content-type', 'application/json']]);
  },
);

test('a page in one language leads to the same page in the other', async () => {
  const { body } = await see(`?image=nginx@${DIGEST}`);
  expect(body).toContain(`href="?image=${encodeURIComponent(`nginx@${DIGEST}`)}&amp;lang=zh"`);
});

test('layers that are not shown are counted', async () => {
  const config = configOf({});
  const [platform] = report.platforms;
  const many = { ...report, platforms: [{ ...platform, omittedLayers: 1200 }] } as ImageReport;
  const head = request('GET /?image=nginx', { accept: 'text/html' });
  const target = pageTarget(head, config);
  if (!target) throw new Error('no page');
  const { body } = await answerPage(head, target, { ...evil, config, inspect: async () => ({ report: many }) });
  expect(body).toContain('1\u202f203 layers');
  expect(body).toContain('1\u202f200 more layers');
});

test('a host that stands for one registry is said to serve that one', async () => {
  const env = { REGISTRIES: 'docker.io ghcr.io' };
  const listed = async (host: string) => {
    const body = (await see('', env, { host })).body ?? '';
    const items = body
      .slice(body.indexOf('class="registries"'))
      .matchAll(/<strong>(.*?)<\/strong>.*?<code>(.*?)<\/code>/g);
    return [...items].map(([, name, called]) => `${name} ${called}`);
  };
  expect(await listed('r.example.com')).toEqual(['docker.io r.example.com/…', 'ghcr.io r.example.com/ghcr.io/…']);
  expect(await listed('ghcr.r.example.com')).toEqual(['ghcr.io ghcr.r.example.com/…']);
});
