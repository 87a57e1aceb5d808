import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HeaderList, headerOf } from '../core/headers';
import type { ImageName } from '../core/image-name';
import { ElsewhereFault, PrefetchFault, shorten } from '../core/prefetch';
import { isSameOrigin, originOf, resolveUrl, type Url } from '../core/url';
import { sendRequest } from './client-request';
import { failureOf } from './failures';
import { responseHead } from './heads';
import { type Login, ProxyLogin } from './proxy-login';
import { readSmallBody } from './small-body';

/** A proxy of this kind, and how to get there. */
export interface ProxyAddress {
  /** Where clients find it; below its path, which has no slash at its end, lies `/v2/`. */
  readonly url: Url;
  /** Go with every request. */
  readonly headers?: HeaderList;
  /** Makes a connection, where that is no matter of the URL. */
  readonly connect?: () => Duplex;
}

/** What is asked for of an image. */
export interface Ask {
  readonly method: 'GET' | 'HEAD';
  readonly image: ImageName;
  /** Below its name: `manifests/latest`. */
  readonly path: string;
  readonly headers?: HeaderList;
}

/** Milliseconds to the head of an answer: the proxy asks again by itself before it gives up. */
const ANSWER_TIMEOUT = 120_000;

/** Times that a request is sent again which failed in passing. */
const MAX_REPEATS = 3;

/** The same where the proxy itself has asked again before it gave up. */
const MAX_LATE_REPEATS = 1;

/** Milliseconds before it is sent again; twice as long each further time. */
const FIRST_PAUSE = 500;

/** Milliseconds that a `Retry-After` may ask for: a limit on requests is waited for, a registry's quota is not. */
const MAX_PAUSE = 60_000;

/** Redirects within the proxy that are followed. */
const MAX_HOPS = 12;

/** Bytes of an error text that are read. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Milliseconds for an error text. */
const ERROR_TIMEOUT = 10_000;

/** A client that pulls through a proxy, as container runtimes do. */
export class ProxyClient {
  readonly #address: ProxyAddress;
  readonly #login: ProxyLogin;
  readonly #signal: AbortSignal;
  readonly #agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };

  constructor(address: ProxyAddress, login: Login, signal: AbortSignal) {
    this.#address = address;
    this.#signal = signal;
    this.#login = new ProxyLogin(login, (path, headers) => this.#persist('GET', this.#urlOf(path), headers));
  }

  /**
   * The head of the answer; whoever asks reads the body, or destroys it.
   * @throws PrefetchFault for a status other than 200, 206 and, of a HEAD, any; Error where no answer comes
   */
  async ask({ method, image, path, headers = [] }: Ask): Promise<IncomingMessage> {
    const { registry, repository } = image;
    const query = registry === undefined ? '' : `?ns=${encodeURIComponent(registry)}`;
    const url = this.#urlOf(`${this.#address.url.path}/v2/${repository}/${path}${query}`);
    const key = `${registry ?? ''}/${repository}`;
    const send = () => this.#follow(method, url, [...headers, ...this.#login.fieldsFor(key)]);
    let response = await send();
    if (response.statusCode === 401 && (await this.#login.meet(key, responseHead(response).headers))) {
      response.destroy();
      response = await send();
    }
    if (method === 'HEAD' || response.statusCode === 200 || response.statusCode === 206) return response;
    throw await refusalOf(response);
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #urlOf(target: string): Url {
    const mark = target.indexOf('?');
    const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark)];
    return { ...this.#address.url, path, query };
  }

  /** Only within the proxy: what it sends its clients elsewhere for, it does not keep. */
  async #follow(method: string, from: Url, headers: HeaderList): Promise<IncomingMessage> {
    let url = from;
    for (let hops = 0; ; hops++) {
      const response = await this.#persist(method, url, headers);
      const next = [301, 302, 303, 307, 308].includes(response.statusCode ?? 0)
        ? resolveUrl(response.headers.location ?? '', url)
        : undefined;
      if (!next || hops === MAX_HOPS || !isSameOrigin(next, this.#address.url)) return response;
      response.destroy();
      url = next;
    }
  }

  /** Sends a request until it is answered with something that will not pass by itself. */
  async #persist(method: string, url: Url, headers: HeaderList): Promise<IncomingMessage> {
    for (let count = 0; ; count++) {
      const usual = FIRST_PAUSE * 2 ** count;
      let wait = usual;
      try {
        const response = await this.#send(method, url, headers);
        wait = Math.max(usual, retryAfter(response) ?? 0);
        if (count >= repeatsOf(response) || wait > MAX_PAUSE) return response;
        response.destroy();
      } catch (error) {
        if (count === MAX_REPEATS || this.#signal.aborted || ['dns', 'tls'].includes(failureOf(error).kind))
          throw error;
      }
      await sleep(wait, undefined, { signal: this.#signal });
    }
  }

  #send(method: string, url: Url, headers: HeaderList): Promise<IncomingMessage> {
    const { connect, headers: own = [] } = this.#address;
    const fields = [['accept-encoding', 'identity'] as const, ...own, ...headers];
    const agent = this.#agents[url.scheme];
    return sendRequest({ method, url, headers: fields, signal: this.#signal, connect, agent, within: ANSWER_TIMEOUT });
  }
}

function repeatsOf({ statusCode = 0 }: IncomingMessage): number {
  if ([429, 503].includes(statusCode)) return MAX_REPEATS;
  return [500, 502, 504].includes(statusCode) ? MAX_LATE_REPEATS : 0;
}

/** Milliseconds; undefined where it is not said in seconds. */
function retryAfter({ headers }: IncomingMessage): number | undefined {
  const text = headers['retry-after'] ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** What an answer says that is none of what was asked for. */
async function refusalOf(response: IncomingMessage): Promise<PrefetchFault> {
  const { statusCode = 0 } = response;
  const location = headerOf(responseHead(response).headers, 'location');
  try {
    if (statusCode >= 300 && statusCode < 400) return new ElsewhereFault(elsewhere(statusCode, location));
    const { chunks } = await readSmallBody(response, MAX_ERROR_BYTES, ERROR_TIMEOUT);
    const document = JSON.parse(Buffer.concat(chunks).toString()) as { errors?: { code?: string; message?: string }[] };
    const [{ code, message } = {}] = document.errors ?? [];
    return new PrefetchFault(shorten([`the proxy answers ${statusCode}`, code, message].filter(Boolean).join(' ')));
  } catch {
    return new PrefetchFault(`the proxy answers ${statusCode}`);
  } finally {
    response.destroy();
  }
}

function elsewhere(status: number, location = ''): string {
  const url = resolveUrl(location, { scheme: 'https', hostname: 'nowhere.invalid', port: 443, path: '/', query: '' });
  const place = url ? shorten(originOf(url)) : 'elsewhere';
  return `the proxy answers ${status}, and sends its clients to ${place} for what it could keep: set CACHE, or HANDLE_REDIRECT`;
}
