#!/usr/bin/env node
// Asks a live deployment what Aliyun's pages leave open: whether lengths survive, whether large bodies stream, what is
// refused, what is added. Node.js 18 or newer, nothing else.
//
//   node probe.mjs https://registry-proxy-….cn-hongkong.fcapp.run [--image library/ubuntu:latest] [--push-limit]
//                  [--connect http://127.0.0.1:3000] [--json]
//
// --image       what to pull; the larger its largest layer, the more the answers say
// --push-limit  also sends a body of 33 MB
// --connect     where to connect instead of the URL's own host (a local process, a domain without DNS yet)
// --json        prints the findings as JSON
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { parseArgs } from 'node:util';

const MIB = 1024 * 1024;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    image: { type: 'string', default: 'library/ubuntu:latest' },
    connect: { type: 'string' },
    'push-limit': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
if (positionals.length !== 1 || !/^https?:\/\/[^/]+\/?$/.test(positionals[0])) {
  console.error('usage: node probe.mjs <system_url> [--image name:tag] [--push-limit] [--connect url] [--json]');
  process.exit(2);
}
const base = new URL(positionals[0]);
const door = new URL(options.connect ?? base);
const [, image, tag = 'latest'] = /^(.+?)(?::([^/:]+))?$/.exec(options.image);

const findings = [];
/** @param {'yes' | 'no' | 'open'} answer */
function find(id, question, answer, evidence, advice) {
  const finding = { id, question, answer, evidence, ...(advice ? { advice } : {}) };
  findings.push(finding);
  if (options.json) return;
  console.log(`${answer.padEnd(4)}  ${question}\n      ${evidence}${advice ? `\n      -> ${advice}` : ''}`);
}

/** One request on a connection of its own; `path` goes out as it is written. */
function ask(method, path, { headers = {}, body, stopAfter } = {}) {
  const started = performance.now();
  const since = () => Math.round(performance.now() - started);
  const send = door.protocol === 'https:' ? https.request : http.request;
  return new Promise((done, fail) => {
    const request = send({
      hostname: door.hostname,
      port: door.port || undefined,
      servername: base.hostname,
      agent: false,
      maxHeaderSize: 64 * 1024,
      timeout: 120_000,
      method,
      path,
      headers: { host: base.host, 'user-agent': 'registry-proxy-probe', ...headers },
    });
    request.on('timeout', () => request.destroy(new Error('no answer within two minutes')));
    request.on('error', fail);
    request.on('response', (response) => {
      const headAt = since();
      const hash = createHash('sha256');
      const kept = [];
      let size = 0;
      let firstAt;
      const end = (whole) =>
        done({
          status: response.statusCode,
          headers: response.headers,
          size,
          digest: `sha256:${hash.digest('hex')}`,
          text: Buffer.concat(kept).toString(),
          times: { head: headAt, first: firstAt ?? headAt, end: since() },
          whole,
        });
      response.on('data', (part) => {
        firstAt ??= since();
        size += part.length;
        hash.update(part);
        if (size <= 4 * MIB) kept.push(part);
        if (stopAfter !== undefined && size >= stopAfter) {
          response.removeAllListeners();
          response.on('error', () => {});
          request.on('error', () => {});
          request.destroy();
          end(false);
        }
      });
      response.on('end', () => end(response.complete));
      response.on('error', () => end(false));
    });
    request.end(body);
  });
}

function parseChallenge(line = '') {
  const field = (name) => new RegExp(`${name}="([^"]*)"`, 'i').exec(line)?.[1];
  return { realm: field('realm'), service: field('service') };
}

/** Whose word an error is: FC's own answers say so in a header or in their JSON. */
function author({ headers, text }) {
  if (headers['x-fc-error-type'] || /"(ErrorCode|RequestId)"/.test(text)) return 'FC';
  return /^\s*\{"errors":\[/.test(text) ? 'the proxy' : 'unknown';
}

const told = (answer) => `${answer.status} by ${author(answer)}`;
const lengthOf = (answer) => answer.headers['content-length'];
const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

async function signIn() {
  const ping = await ask('GET', '/v2/');
  find(
    'start',
    'Does the function answer?',
    ping.status === 401 || ping.status === 200 ? 'yes' : 'no',
    `GET /v2/ gave ${told(ping)} after ${ping.times.head} ms (after some minutes of rest this is a cold start)`,
  );
  if (ping.status === 200) return {};
  const { realm, service } = parseChallenge(ping.headers['www-authenticate']);
  const ours = realm !== undefined && URL.canParse(realm) && new URL(realm).origin === base.origin;
  find(
    'challenge',
    'Does the challenge lead back here, with https and the right host?',
    ours ? 'yes' : 'no',
    `WWW-Authenticate: ${ping.headers['www-authenticate']}`,
    ours ? undefined : 'set PUBLIC_URL to the URL that clients use',
  );
  const head = await ask('HEAD', '/v2/');
  find(
    'head-challenge',
    'Does a 401 to HEAD keep its WWW-Authenticate?',
    head.headers['www-authenticate'] === ping.headers['www-authenticate'] ? 'yes' : 'no',
    `HEAD /v2/ gave ${head.status}, WWW-Authenticate: ${head.headers['www-authenticate']}`,
  );
  const spoofed = await ask('GET', '/v2/', { headers: { 'x-forwarded-host': 'spoofed.example' } });
  const believed = parseChallenge(spoofed.headers['www-authenticate']).realm?.includes('spoofed.example');
  find(
    'forwarded',
    'Does FC keep a X-Forwarded-Host of the caller from the function?',
    believed ? 'no' : 'yes',
    `with X-Forwarded-Host: spoofed.example the realm is ${parseChallenge(spoofed.headers['www-authenticate']).realm}`,
    believed ? 'set PUBLIC_URL, then no header is asked' : undefined,
  );
  const where = ours ? new URL(realm) : new URL('/token', base);
  const query = new URLSearchParams({ service: service ?? base.host, scope: `repository:${image}:pull` });
  const answer = await ask('GET', `${where.pathname}?${query}`);
  if (answer.status !== 200) throw new Error(`no token: ${told(answer)} ${answer.text.slice(0, 300)}`);
  const { token, access_token } = JSON.parse(answer.text);
  return { authorization: `Bearer ${token ?? access_token}` };
}

/** The manifest of one platform, and what happened to lengths on the way to it. */
async function probeManifest(authorization) {
  const get = (reference, method = 'GET') =>
    ask(method, `/v2/${image}/manifests/${reference}`, { headers: { ...authorization, accept } });
  const head = await get(tag, 'HEAD');
  const named = head.headers['docker-content-digest'];
  let answer = await get(named ?? tag);
  if (answer.status !== 200)
    throw new Error(`no manifest of ${image}:${tag}: ${told(answer)} ${answer.text.slice(0, 300)}`);
  const kept = lengthOf(head) === String(answer.size);
  find(
    'manifest-head',
    'Does HEAD of a manifest keep its Content-Length?',
    kept ? 'yes' : 'no',
    `HEAD gave ${head.status} with Content-Length ${lengthOf(head)}, the manifest has ${answer.size} bytes`,
    kept ? undefined : 'docker and containerd ask again with GET; oras, helm and crane refuse: point them elsewhere',
  );
  find(
    'manifest-get',
    'Does GET of a manifest come with its length and its digest?',
    lengthOf(answer) === String(answer.size) && answer.digest === answer.headers['docker-content-digest']
      ? 'yes'
      : 'no',
    `Content-Length ${lengthOf(answer)}, digest ${answer.digest === named ? 'right' : `${answer.digest} for ${named}`}`,
  );
  const source = answer.headers['docker-ratelimit-source'];
  find(
    'egress',
    'Which address does Docker Hub count the pulls of?',
    source ? 'yes' : 'open',
    source ? `docker-ratelimit-source: ${source}` : 'no docker-ratelimit-source came back',
  );
  let manifest = JSON.parse(answer.text);
  if (manifest.manifests) {
    const isWanted = ({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64';
    answer = await get((manifest.manifests.find(isWanted) ?? manifest.manifests[0]).digest);
    manifest = JSON.parse(answer.text);
  }
  return manifest;
}

async function probeBlobs(authorization, { config, layers }) {
  const at = ({ digest }) => `/v2/${image}/blobs/${digest}`;
  const largest = layers.reduce((one, other) => (other.size > one.size ? other : one));

  const small = await ask('GET', at(config), { headers: authorization });
  find(
    'small-blob',
    'Does a small blob come with its length?',
    lengthOf(small) === String(config.size) && small.digest === config.digest ? 'yes' : 'no',
    `Content-Length ${lengthOf(small)} of ${config.size}, ${small.digest === config.digest ? 'right' : 'WRONG'} bytes`,
  );
  const head = await ask('HEAD', at(largest), { headers: authorization });
  find(
    'blob-head',
    'Does HEAD of a large blob keep its Content-Length?',
    lengthOf(head) === String(largest.size) ? 'yes' : 'no',
    `HEAD gave ${head.status} with Content-Length ${lengthOf(head)}, the blob has ${largest.size} bytes`,
  );
  const whole = await ask('GET', at(largest), { headers: authorization });
  const { first, end } = whole.times;
  find(
    'large-blob',
    `Does a blob of ${(largest.size / MIB).toFixed(1)} MiB arrive whole?`,
    whole.whole && whole.digest === largest.digest ? 'yes' : 'no',
    `${whole.status}, ${whole.size} bytes, ${whole.whole ? 'a clean end' : 'cut off'}, in ${end} ms`,
    whole.status >= 500 ? 'large bodies with a length are refused: set BODY_FRAMING=chunked' : undefined,
  );
  find(
    'large-length',
    'Does that blob come with its Content-Length?',
    lengthOf(whole) === String(largest.size) ? 'yes' : 'no',
    `Content-Length: ${lengthOf(whole)}, Transfer-Encoding: ${whole.headers['transfer-encoding']}`,
    lengthOf(whole) ? undefined : 'no harm to docker and containerd; try BODY_FRAMING=length and probe again',
  );
  const streams = first < end / 2 ? 'yes' : 'open';
  find(
    'streaming',
    'Is it streamed?',
    streams,
    `first byte after ${first} ms, last after ${end} ms`,
    streams === 'yes' ? undefined : 'buffered, or too small to tell: probe with an --image that has a larger layer',
  );
  await probeRange(authorization, at(largest), largest.size);
  await ask('GET', at(largest), { headers: authorization, stopAfter: 64 * 1024 });
  find(
    'abort',
    'Does the function hear that a client left?',
    'open',
    'just left a download after 64 KB: the last `request` line in the log tells its bytes and why it ended',
  );
  return { small, whole };
}

async function probeRange(authorization, path, size) {
  const start = Math.floor(size / 2);
  const end = Math.min(start + 999, size - 1);
  const part = await ask('GET', path, { headers: { ...authorization, range: `bytes=${start}-${end}` } });
  const right = part.status === 206 && part.headers['content-range'] === `bytes ${start}-${end}/${size}`;
  find(
    'range',
    'Are 206 and Content-Range kept, so that clients can resume?',
    right && part.size === end - start + 1 ? 'yes' : 'no',
    `${part.status}, Content-Range: ${part.headers['content-range']}, ${part.size} bytes, Content-Length ${lengthOf(part)}`,
  );
}

function probeHeaders(answers) {
  const disposition = answers.map(({ headers }) => headers['content-disposition']).find(Boolean);
  find(
    'attachment',
    'Are pages shown in a browser (no forced Content-Disposition)?',
    disposition ? 'no' : 'yes',
    `Content-Disposition: ${disposition}`,
    disposition ? 'registry clients ignore it; a custom domain takes it away' : undefined,
  );
  const { date, server, via } = answers[0].headers;
  find('own-headers', 'What does FC write into the head?', 'open', `Date: ${date}, Server: ${server}, Via: ${via}`);
}

async function probeRefusals() {
  const hooks = [];
  for (const [method, path] of [
    ['POST', '/initialize'],
    ['GET', '/pre-stop'],
  ]) {
    hooks.push(await ask(method, path), await ask(method, path, { headers: { 'x-fc-control-path': path } }));
  }
  find(
    'hooks',
    'Are the life-cycle hooks closed to callers?',
    hooks.every(({ status }) => status >= 400) ? 'yes' : 'no',
    `POST /initialize and GET /pre-stop, without and with x-fc-control-path: ${hooks.map(told).join(', ')}`,
  );
  const heads = [];
  for (const size of [4000, 7000, 9000]) {
    const answer = await ask('GET', '/v2/', { headers: { authorization: `Bearer ${'a'.repeat(size)}` } });
    heads.push(`${size} bytes: ${told(answer)}`);
  }
  find(
    'token-size',
    'Do bearer tokens of 4 and 7 KB pass (and 9 KB not)?',
    heads.slice(0, 2).every((text) => text.includes('401')) ? 'yes' : 'no',
    heads.join('; '),
  );
  const targets = [];
  for (const size of [3500, 5000])
    targets.push(`${size} bytes: ${told(await ask('GET', `/v2/?q=${'a'.repeat(size)}`))}`);
  find('target-size', 'What happens to long queries?', 'open', targets.join('; '));
  const odd = ['/v2/../v2/', '/v2//', `/v2/${image.replaceAll('/', '%2F')}/manifests/${tag}`];
  const paths = [];
  for (const path of odd) paths.push(`${path}: ${told(await ask('GET', path))}`);
  find('odd-paths', 'Do odd paths reach the proxy as they are written?', 'open', paths.join('; '));
}

async function probePushLimit() {
  const path = `/v2/${image}/blobs/uploads/probe`;
  for (const size of [31 * MIB, 33 * MIB]) {
    const answer = await ask('PATCH', path, { body: Buffer.alloc(size) }).catch((error) => ({ error }));
    const evidence = answer.error ? answer.error.message : told(answer);
    find(
      `push-${size / MIB}`,
      `Does a body of ${size / MIB} MB reach the proxy (401)?`,
      answer.status === 401 ? 'yes' : 'no',
      evidence,
    );
  }
}

try {
  const authorization = await signIn();
  const manifest = await probeManifest(authorization);
  const { small, whole } = await probeBlobs(authorization, manifest);
  probeHeaders([whole, small]);
  await probeRefusals();
  if (options['push-limit']) await probePushLimit();
} catch (error) {
  find('end', 'Did the probe reach its end?', 'no', error.message);
}
if (options.json) console.log(JSON.stringify(findings, null, 2));
const vital = ['start', 'challenge', 'manifest-get', 'small-blob', 'large-blob', 'range', 'end'];
process.exitCode = findings.some(({ id, answer }) => vital.includes(id) && answer === 'no') ? 1 : 0;
