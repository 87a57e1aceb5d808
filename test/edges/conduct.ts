import { ask, open, type Reply } from '../upstream/client';
import { parseChallenge } from '../upstream/docker';
import { type Content, makeImage } from '../upstream/image';
import { USERS, until } from '../upstream/scene';
import { type Packaged, REPOSITORY } from './packaged';
import { MIB } from './upstreams';

/** What holds of the packaged program on every platform, whatever stands before it. */
export function conduct(scene: () => Packaged, host: string): void {
  const small = () => scene().image.layers[1] as Content;
  const large = () => scene().image.layers[0] as Content;

  it('names the public address in its challenge, to GET and to HEAD', async () => {
    for (const method of ['GET', 'HEAD']) {
      const ping = await scene().toV2('', { method });
      expect([ping.status, parseChallenge(ping.header('www-authenticate') ?? '')]).toEqual([
        401,
        { realm: `https://${host}/token`, service: host },
      ]);
    }
  });

  it('sends manifests and small blobs with their length, and tells the length of every HEAD', async () => {
    const { toV2, token, image } = scene();
    const headers = { ...(await token('pull')), accept: image.manifest.type };
    const lengths = [];
    for (const [path, method] of [
      ['manifests/v1', 'GET'],
      [`blobs/${small().digest}`, 'GET'],
      ['manifests/v1', 'HEAD'],
      [`blobs/${small().digest}`, 'HEAD'],
      [`blobs/${large().digest}`, 'HEAD'],
    ] as const) {
      const answer = await toV2(`${REPOSITORY}/${path}`, { method, headers });
      lengths.push([answer.status, answer.header('content-length')]);
    }
    const [manifest, one, other] = [image.manifest, small(), large()].map(({ bytes }) => [200, String(bytes.length)]);
    expect(lengths).toEqual([manifest, one, manifest, one, other]);
  });

  it('passes a small layer on that is pushed', async () => {
    const { toV2, token, registry } = scene();
    const headers = await token('pull,push', `alice:${USERS.alice}`);
    const layer = makeImage([MIB], 'oci', 9).layers[0] as Content;
    const step = (previous: Reply, method: string, query: string, body?: Buffer) => {
      const url = scene().at(new URL(previous.header('location') ?? '', `https://${host}`).href);
      return ask(query ? `${url}${url.includes('?') ? '&' : '?'}${query}` : url, { method, headers, body: body ?? '' });
    };
    const begun = await toV2(`${REPOSITORY}/blobs/uploads/`, { method: 'POST', headers });
    const sent = await step(begun, 'PATCH', '', layer.bytes);
    const done = await step(sent, 'PUT', `digest=${encodeURIComponent(layer.digest)}`);
    expect([begun.status, sent.status, done.status]).toEqual([202, 202, 201]);
    expect(registry.blobs.get(layer.digest)?.equals(layer.bytes)).toBe(true);
  });

  it('takes a bearer token of 6 KB, and answers with few headers, whatever the registry adds', async () => {
    const { toV2, token, registry } = scene();
    const long = await toV2(`${REPOSITORY}/manifests/v1`, { headers: { authorization: `Bearer ${'a'.repeat(6000)}` } });
    expect(long.status).toBe(401);
    const junk = { 'set-cookie': `a=${'c'.repeat(3000)}`, 'x-junk': 'j'.repeat(3000) };
    registry.answer(/tags\/list$/, 200, junk, '{"tags":[]}');
    const listed = await toV2(`${REPOSITORY}/tags/list`, { headers: await token('pull') });
    expect([listed.status, listed.text]).toEqual([200, '{"tags":[]}']);
  });

  it('goes on after a client has left', async () => {
    const { gateway, token, instances } = scene();
    const headers = await token('pull');
    for (let count = 0; count < 3; count++) {
      const { response, leave } = await open(`${gateway.url}/v2/${REPOSITORY}/blobs/${small().digest}`, { headers });
      response.on('error', () => {});
      leave();
    }
    await scene().pull();
    const { frozen } = instances;
    await scene().toV2('');
    expect(await until(() => instances.frozen > frozen)).toBe(true);
  });

  it('pulls again after it stood still and its upstream connections have died meanwhile', async () => {
    const { pull, wire, instances } = scene();
    const { frozen } = instances;
    for (let round = 0; round < 3; round++) {
      await pull();
      expect(await until(() => instances.frozen > frozen + round)).toBe(true);
      wire.cut();
    }
    await pull();
  });

  it('tells no upstream what the platform told it, and ends with 0', async () => {
    const { registry, cdn, tokens, functions } = scene();
    const upstreams = [registry, cdn, tokens];
    expect(upstreams.flatMap(({ accusations }) => accusations)).toEqual([]);
    const names = upstreams.flatMap(({ requests }) =>
      requests.flatMap(({ rawHeaders }) => rawHeaders.map(([name]) => name)),
    );
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => /^(x-scf-|x-cloud-|x-forwarded-|forwarded$|traceparent$)/i.test(name))).toEqual([]);
    expect(await Promise.all(functions.map((each) => each.stop()))).toEqual(functions.map(() => 0));
  });
}
