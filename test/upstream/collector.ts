import { type Exchange, listen, readBody, type Upstream } from './listen';

/** A span as a test looks at it. */
export interface SeenSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  flags: number;
  name: string;
  kind: 'server' | 'client';
  /** Nanoseconds since 1970. */
  start: bigint;
  end: bigint;
  status?: { code: number; message?: string };
  attributes: Record<string, string | number | boolean>;
  resource: Record<string, string | number | boolean>;
}

export interface Collector extends Upstream {
  spans: SeenSpan[];
  server(): SeenSpan[];
  childrenOf(span: SeenSpan): SeenSpan[];
  /** Everything that came, headers too, as one text. */
  everything(): string;
}

const KINDS: Record<number, SeenSpan['kind']> = { 2: 'server', 3: 'client' };

/** Takes traces by OTLP over HTTP as JSON, and accuses whoever sends what is none. */
export async function startCollector(basePath = ''): Promise<Collector> {
  const spans: SeenSpan[] = [];
  let everything = '';

  async function handle(exchange: Exchange): Promise<void> {
    const { seen } = exchange;
    const body = (await readBody(exchange)).toString();
    everything += `${JSON.stringify(seen.rawHeaders)}${body}`;
    if (seen.method !== 'POST' || seen.target !== `${basePath}/v1/traces`) exchange.accuse('this is no export');
    if (seen.header('content-type') !== 'application/json') exchange.accuse('this is no JSON');
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      for (const span of scopeSpans.flatMap((scope: { spans: object[] }) => scope.spans)) {
        spans.push(read(span, plain(resource.attributes)));
      }
    }
    exchange.send(200, { 'content-type': 'application/json' }, '{"partialSuccess":{}}');
  }

  const upstream = await listen('collector', handle);
  return {
    ...upstream,
    url: `${upstream.url}${basePath}`,
    spans,
    server: () => spans.filter(({ kind }) => kind === 'server'),
    childrenOf: (parent) =>
      spans
        .filter(({ traceId, parentSpanId }) => traceId === parent.traceId && parentSpanId === parent.spanId)
        .sort((one, other) => Number(one.start - other.start)),
    everything: () => everything,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: of somebody else's making, and looked at by each test
function read({ startTimeUnixNano, endTimeUnixNano, kind, attributes, ...rest }: any, resource: SeenSpan['resource']) {
  const start = BigInt(startTimeUnixNano);
  const end = BigInt(endTimeUnixNano);
  return { ...rest, kind: KINDS[kind], start, end, attributes: plain(attributes), resource } as SeenSpan;
}

interface Pair {
  key: string;
  value: { stringValue?: string; intValue?: string; boolValue?: boolean; doubleValue?: number };
}

function plain(pairs: Pair[]): SeenSpan['attributes'] {
  return Object.fromEntries(
    pairs.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue),
    ]),
  );
}
