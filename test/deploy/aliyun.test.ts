import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import Client, * as api from '@alicloud/fc20230330';
import { $OpenApiUtil } from '@alicloud/openapi-core';
import { readConfig } from '../../src/core/config';
import { settings } from '../../src/core/settings';
import { type FunctionInstance, packageInto, startFunction } from '../edges/function';
import { type FcApi, startFcApi } from './fc-api';
import { faultsOf } from './function-schema';
import { deploy, type FunctionProps, manifest, preview, type Resolved, root, withOptions } from './s-yaml';
import { unzip, zip } from './zip';

const text = readFileSync(manifest, 'utf8');
const home = resolve(manifest, '..');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const settingNames = new Set<string>(settings.map(({ name }) => name));

let resolved: Resolved;
let props: FunctionProps;
let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'aliyun-'));
  resolved = preview(text);
  props = resolved.resources.start_express.props;
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('s.yaml as Serverless Devs resolves it', () => {
  it('fits the strict schema', () => {
    expect(faultsOf(resolved)).toEqual([]);
  });

  it('still does with every block switched on that it offers as a comment', () => {
    const all = preview(withOptions(text));
    expect(faultsOf(all)).toEqual([]);
    expect(all.resources.start_express.props).toMatchObject({
      concurrencyConfig: { reservedConcurrency: expect.any(Number) },
      customDomain: { domainName: expect.any(String) },
      instanceLifecycleConfig: { initializer: { handler: expect.any(String) } },
      logConfig: 'auto',
    });
    expect(all.resources.start_express.props.customDomain).toMatchObject({
      route: { methods: props.triggers[0]?.triggerConfig.methods },
    });
  });

  it('leaves no variable unresolved', () => {
    expect(JSON.stringify(resolved)).not.toMatch(/\$\{|undefined/);
  });

  it('uses a region and a layer that can be changed in one place', () => {
    const other = preview(
      text
        .replace('region: cn-hongkong', 'region: ap-southeast-1')
        .replace('Nodejs20/versions/3', 'Nodejs22/versions/3'),
    );
    expect(other.resources.start_express.props).toMatchObject({
      region: 'ap-southeast-1',
      layers: ['acs:fc:ap-southeast-1:official:layers/Nodejs22/versions/3'],
    });
  });

  it('passes pushes on: PATCH is among the methods', () => {
    expect(props.triggers[0]?.triggerConfig.methods).toContain('PATCH');
  });
});

describe('the schema refuses', () => {
  const wrong: [string, (props: FunctionProps) => void, RegExp][] = [
    ['a runtime that does not exist', (it) => Object.assign(it, { runtime: 'custom.debian13' }), /runtime/],
    ['an unknown property', (it) => Object.assign(it, { memory: 512 }), /additional properties memory/],
    [
      'disableURLInternet spelled wrong',
      (it) => {
        const config = it.triggers[0]?.triggerConfig as Record<string, unknown>;
        config.disableUrlInternet = config.disableURLInternet;
        delete config.disableURLInternet;
      },
      /disableUrlInternet/,
    ],
    [
      'methods without PATCH',
      (it) => {
        const config = it.triggers[0]?.triggerConfig as { methods: string[] };
        config.methods = config.methods.filter((method) => method !== 'PATCH');
      },
      /methods/,
    ],
    ['a method FC does not have', (it) => it.triggers[0]?.triggerConfig.methods.splice(0, 1, 'TRACE'), /methods\/0/],
    [
      'a trigger that wants Aliyun signatures',
      (it) => Object.assign(it.triggers[0]?.triggerConfig ?? {}, { authType: 'function' }),
      /authType/,
    ],
    ['no trigger', (it) => Object.assign(it, { triggers: [] }), /triggers/],
    [
      'a hook FC 3.0 does not have',
      (it) => Object.assign(it, { instanceLifecycleConfig: { preFreeze: {} } }),
      /preFreeze/,
    ],
    ['an environment variable that is no text', (it) => Object.assign(it.environmentVariables, { PORT: 3000 }), /PORT/],
    ['a port that is no number', (it) => Object.assign(it.customRuntimeConfig, { port: '3000' }), /port/],
    ['an odd amount of memory', (it) => Object.assign(it, { memorySize: 1000 }), /memorySize/],
    ['too little memory for the vCPU', (it) => Object.assign(it, { memorySize: 512 }), /1 to 4 GB/],
    ['a layer of another region', (it) => Object.assign(it, { region: 'cn-shanghai' }), /not in cn-shanghai/],
    ['the timeout that FC gives without one', (it) => Reflect.deleteProperty(it, 'timeout'), /timeout/],
    [
      'more requests at once than FC allows',
      (it) => Object.assign(it, { instanceConcurrency: 500 }),
      /instanceConcurrency/,
    ],
  ];
  it.each(wrong)('%s', (_, spoil, fault) => {
    const copy = structuredClone(resolved);
    spoil(copy.resources.start_express.props);
    expect(faultsOf(copy).join('\n')).toMatch(fault);
  });

  it('a typing error in the file itself', () => {
    expect(faultsOf(preview(text.replace('instanceConcurrency:', 'instanceConcurency:'))).join('\n')).toMatch(
      /instanceConcurency/,
    );
  });
});

describe('environment variables', () => {
  const offered = Object.keys(preview(withOptions(text)).resources.start_express.props.environmentVariables);

  it.each(offered.filter((name) => !['PATH', 'UV_USE_IO_URING'].includes(name)))(
    '%s is a setting of the proxy',
    (name) => {
      expect(settingNames).toContain(name);
    },
  );

  it('are a configuration the proxy starts with', () => {
    expect(readConfig(props.environmentVariables)).toMatchObject({
      platform: 'aliyun-fc',
      upstreams: [{ handleRedirect: true }],
    });
    expect(readConfig(props.environmentVariables).port).toBe(props.customRuntimeConfig.port);
  });

  it('find the Node.js of the layer first', () => {
    const [layer] = props.layers[0]?.match(/Nodejs\d+/) ?? [];
    expect(props.environmentVariables.PATH).toMatch(new RegExp(`^/opt/${layer?.toLowerCase()}/bin:`));
  });

  const documents = readdirSync(home).filter((name) => /^README.*\.md$/.test(name));
  it.each(documents)('that %s names exist', (name) => {
    const page = readFileSync(join(home, name), 'utf8');
    const named = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)].map((match) => match[1]);
    expect(named.filter((setting) => !settingNames.has(String(setting)))).toEqual([]);
  });
});

describe('s deploy', () => {
  it('installs and packages in the project root with Node.js alone, hands the function on and prints its address', () => {
    const deployment = deploy(text);
    expect(deployment.steps).toEqual([
      { argument: 'install', cwd: '/' },
      { argument: 'package:aliyun', cwd: '/' },
    ]);
    expect(deployment.props).toEqual(props);
    expect(deployment.printed).toContain('https://registry-proxy-abcdefghij.cn-hongkong.fcapp.run');
  });

  it('finds the launcher, and the code where the packaging leaves it', () => {
    const [, launcher] = resolved.resources.start_express.actions['pre-deploy'][0]?.run.split(' ') ?? [];
    expect(existsSync(join(root, String(launcher)))).toBe(true);
    expect(scripts['package:aliyun']).toContain(`--outdir deploy/aliyun/${props.code.replace('./', '')}`);
  });
});

/** Paths of properties that the API's model does not have; its own serializer would drop them without a word. */
function unknownTo(model: unknown, value: unknown, path = ''): string[] {
  const kind = model as {
    type?: string;
    itemType?: unknown;
    names?(): Record<string, string>;
    types?(): Record<string, unknown>;
  };
  if (kind?.type === 'array')
    return (value as unknown[]).flatMap((item, at) => unknownTo(kind.itemType, item, `${path}/${at}`));
  if (!kind?.names || !kind.types) return [];
  const types = kind.types();
  return Object.entries(value as object).flatMap(([name, part]) =>
    name in types ? unknownTo(types[name], part, `${path}/${name}`) : [`${path}/${name}`],
  );
}

/** The parts of `props` that become calls of their own. */
function split({ region, triggers, concurrencyConfig, customDomain, ...own }: FunctionProps) {
  return { region, triggers, concurrencyConfig, customDomain, own };
}

describe('the names of the API', () => {
  it('are those of every property', () => {
    const { own, triggers, concurrencyConfig, customDomain } = split(
      preview(withOptions(text)).resources.start_express.props,
    );
    // `code` is a folder and `logConfig: auto` a wish; Serverless Devs turns both into the API's objects.
    const { code: _, logConfig: __, ...direct } = own;
    const { route, ...domain } = customDomain as { route: object };
    expect([
      unknownTo(api.CreateFunctionInput, direct),
      triggers.map((trigger) => unknownTo(api.CreateTriggerInput, trigger)),
      triggers.map((trigger) => unknownTo(api.HTTPTriggerConfig, trigger.triggerConfig)),
      unknownTo(api.PutConcurrencyInput, concurrencyConfig),
      unknownTo(api.CreateCustomDomainInput, { ...domain, routeConfig: { routes: [route] } }),
    ]).toEqual([[], [[]], [[]], [], []]);
  });

  it('would show a wrong one', () => {
    const config = { port: 1, healthCheckConfig: { path: '/' } };
    expect(unknownTo(api.CreateFunctionInput, { cpus: 1, customRuntimeConfig: config })).toEqual([
      '/cpus',
      '/customRuntimeConfig/healthCheckConfig/path',
    ]);
  });
});

describe('carried to the API by the SDK', () => {
  let fc: FcApi;
  let client: Client;
  let running: FunctionInstance | undefined;

  beforeAll(async () => {
    fc = await startFcApi('test-key');
    client = new Client(
      new $OpenApiUtil.Config({
        accessKeyId: 'test-key',
        accessKeySecret: 'test-secret',
        regionId: props.region,
        endpoint: fc.endpoint,
        protocol: 'http',
      }),
    );
  });
  afterAll(async () => {
    await running?.stop();
    await fc?.close();
  });

  it('is the same function, trigger and cap, and its code starts and passes its health check', async () => {
    const dist = join(work, 'dist');
    packageInto(String(scripts['package:aliyun']), dist);
    const files = Object.fromEntries(readdirSync(dist).map((name) => [name, readFileSync(join(dist, name))]));
    const { own, triggers } = split(props);
    const zipFile = zip(files).toString('base64');
    const input = api.CreateFunctionInput;
    await client.createFunction(
      new api.CreateFunctionRequest({ body: new input({ ...own, code: new api.InputCodeLocation({ zipFile }) }) }),
    );
    for (const { triggerConfig, ...trigger } of triggers) {
      const { body } = await client.createTrigger(
        props.functionName,
        new api.CreateTriggerRequest({
          body: new api.CreateTriggerInput({ ...trigger, triggerConfig: JSON.stringify(triggerConfig) }),
        }),
      );
      expect(body?.httpTrigger?.urlInternet).toMatch(/^https:\/\/registry-proxy-.*\.cn-hongkong\.fcapp\.run$/);
    }
    await client.putConcurrencyConfig(
      props.functionName,
      new api.PutConcurrencyConfigRequest({ body: new api.PutConcurrencyInput({ reservedConcurrency: 2 }) }),
    );

    expect(fc.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /2023-03-30/functions',
      'POST /2023-03-30/functions/registry-proxy/triggers',
      'PUT /2023-03-30/functions/registry-proxy/concurrency',
    ]);
    const [created, triggered, capped] = fc.calls.map(({ body }) => body);
    expect(created).toEqual({ ...own, code: { zipFile } });
    expect(JSON.parse(String(triggered?.triggerConfig))).toEqual(triggers[0]?.triggerConfig);
    expect(capped).toEqual({ reservedConcurrency: 2 });

    // What FC does with what has arrived.
    const arrived = unzip(Buffer.from(String((created?.code as { zipFile?: string } | undefined)?.zipFile), 'base64'));
    expect(Object.keys(arrived)).toContain('bundle.js');
    const code = join(work, 'code');
    mkdirSync(code);
    for (const [name, data] of Object.entries(arrived)) writeFileSync(join(code, name), data);
    const runtime = created?.customRuntimeConfig as FunctionProps['customRuntimeConfig'];
    running = await startFunction(code, runtime.command, created?.environmentVariables as Record<string, string>);
    const url = `http://127.0.0.1:${running.port}${runtime.healthCheckConfig.httpGetUrl}`;
    const status = await new Promise((done, fail) =>
      get(url, (answer) => done(answer.resume().statusCode)).on('error', fail),
    );
    expect(status).toBe(200);
    expect(await running.stop()).toBe(0);
  });

  it('is refused when it is not signed with the key', async () => {
    const stranger = new Client(
      new $OpenApiUtil.Config({ accessKeyId: 'other', accessKeySecret: 'x', endpoint: fc.endpoint, protocol: 'http' }),
    );
    await expect(
      stranger.createFunction(new api.CreateFunctionRequest({ body: new api.CreateFunctionInput({}) })),
    ).rejects.toThrow(/not signed/);
  });
});
