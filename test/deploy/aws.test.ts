import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/core/config';
import { settings } from '../../src/core/settings';
import { packageInto } from '../edges/function';
import { root } from '../tools/sources';
import { faultsOf, readTemplate, type Template, templateFile } from './template';

const text = readFileSync(templateFile, 'utf8');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const settingNames = new Set<string>(settings.map(({ name }) => name));
const template = readTemplate(text);
const proxyOf = ({ Resources }: Template) => Resources.Proxy?.Properties as Record<string, unknown>;

/** With what stands in it as a comment, at its own indentation. */
const withOptions = text.replace(/^( *)# ((?:[A-Z_]+|[A-Z]\w+): [^ \n]+)(?: .*)?$/gm, '$1$2');

function variables(of = template): Record<string, unknown> {
  return (proxyOf(of).Environment as { Variables: Record<string, unknown> }).Variables;
}

describe('template.yaml', () => {
  it('fits the specification of AWS', () => {
    expect(faultsOf(template)).toEqual([]);
  });

  it('still does with every line switched on that it offers as a comment', () => {
    const all = readTemplate(withOptions);
    expect(faultsOf(all)).toEqual([]);
    expect(proxyOf(all)).toHaveProperty('ReservedConcurrentExecutions');
    expect(variables(all)).toHaveProperty('PUBLIC_URL');
  });

  it('is one function with a public URL that streams', () => {
    expect(template.Transform).toBe('AWS::Serverless-2016-10-31');
    expect(proxyOf(template)).toMatchObject({
      FunctionUrlConfig: { AuthType: 'NONE', InvokeMode: 'RESPONSE_STREAM' },
      Architectures: ['arm64'],
      Timeout: 900,
    });
  });

  it('offers runtimes that a wrapper works with, none of them past its end', () => {
    const { Default, AllowedValues } = template.Parameters.NodeRuntime ?? {};
    expect(AllowedValues).toContain(Default);
    for (const runtime of AllowedValues ?? []) expect(String(runtime)).toMatch(/^nodejs(22|24)\.x$/);
  });
});

describe('the check refuses', () => {
  const wrong: [string, (of: Template) => void, RegExp][] = [
    ['an unknown property', (it) => Object.assign(proxyOf(it), { Memory: 5 }), /Proxy\.Memory: no such property/],
    [
      'a mode of invocation that does not exist',
      (it) => Object.assign(proxyOf(it), { FunctionUrlConfig: { AuthType: 'NONE', InvokeMode: 'STREAM' } }),
      /InvokeMode: "STREAM" is none of/,
    ],
    ['no way to authenticate', (it) => Object.assign(proxyOf(it), { FunctionUrlConfig: {} }), /AuthType: is missing/],
    [
      'a retention that is no number',
      (it) => Object.assign(it.Resources.Logs?.Properties ?? {}, { RetentionInDays: '2w' }),
      /RetentionInDays/,
    ],
    ['a timeout that is no number', (it) => Object.assign(proxyOf(it), { Timeout: '900s' }), /Timeout/],
    [
      'a type that does not exist',
      (it) => Object.assign(it.Resources.Store ?? {}, { Type: 'AWS::S3::Buckets' }),
      /no such type/,
    ],
    [
      'a rule spelled wrong',
      (it) =>
        Object.assign(it.Resources.Store?.Properties ?? {}, { LifecycleConfiguration: { Rules: [{ Status: 'On' }] } }),
      /Status/,
    ],
    [
      'a permission for nobody',
      (it) => Reflect.deleteProperty(it.Resources.ApiMayInvoke?.Properties ?? {}, 'Principal'),
      /Principal: is missing/,
    ],
    ['a parameter that is gone', (it) => Reflect.deleteProperty(it.Parameters, 'Memory'), /Memory: not declared/],
    [
      'a condition that is gone',
      (it) => Reflect.deleteProperty(it.Conditions, 'HasBucket'),
      /HasBucket: no such condition/,
    ],
  ];
  it.each(wrong)('%s', (_, spoil, fault) => {
    const copy = structuredClone(template);
    spoil(copy);
    expect(faultsOf(copy).join('\n')).toMatch(fault);
  });
});

describe('environment variables', () => {
  const offered = Object.keys(variables(readTemplate(withOptions)));

  it.each(offered.filter((name) => name !== 'AWS_LAMBDA_EXEC_WRAPPER'))('%s is a setting of the proxy', (name) => {
    expect(settingNames).toContain(name);
  });

  it.each([
    ['none', undefined],
    ['s3://a-bucket/images?region=eu-central-1', 's3'],
  ])('are a configuration the proxy starts with, where CACHE is %s', (CACHE, kind) => {
    const { Registries, Delivery } = template.Parameters;
    const given = {
      ...variables(),
      REGISTRIES: String(Registries?.Default),
      DELIVERY: String(Delivery?.Default),
      MAX_RESPONSE: kind === undefined ? '' : '4400k',
      CACHE,
    };
    const keys = {
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'key',
      AWS_SESSION_TOKEN: 'token',
      AWS_REGION: 'eu-central-1',
    };
    const platform = { AWS_LAMBDA_FUNCTION_NAME: 'proxy', AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' };
    const config = readConfig({ ...(given as Record<string, string>), ...keys, ...platform });
    expect([config.platform, config.cache?.place.kind]).toEqual(['aws-lambda', kind]);
    expect(config.upstreams.map(({ name, auth, handleRedirect }) => [name, auth, handleRedirect])).toEqual(
      String(template.Parameters.Registries?.Default)
        .split(',')
        .map((name) => [name, 'proxy', true]),
    );
  });

  it('may use what the bucket grants, and nothing else of it', () => {
    expect(JSON.stringify(proxyOf(template).Policies)).toMatch(/\$\{Store\}\/images\/\*"/);
    expect(JSON.stringify(variables().CACHE)).toMatch(/"s3:\/\/\$\{Store\}\/images\?/);
  });
});

describe('the package', () => {
  let work: string;
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'aws-'));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('is what CodeUri names: the bundle, and the wrapper, both to be run', () => {
    expect(scripts['package:aws']).toContain(
      `--outdir deploy/aws/${String(proxyOf(template).CodeUri).replace('./', '')}`,
    );
    packageInto(scripts['package:aws'] as string, work);
    expect(readdirSync(work).sort()).toEqual(['bootstrap', 'bundle.js']);
    expect(variables().AWS_LAMBDA_EXEC_WRAPPER).toBe('/var/task/bootstrap');
    expect(readFileSync(join(work, 'bootstrap'), 'utf8')).not.toContain('\r');
    if (process.platform !== 'win32')
      for (const name of readdirSync(work)) expect(statSync(join(work, name)).mode & 0o777).toBe(0o755);
  });

  it('is the same each time it is made', () => {
    const again = mkdtempSync(join(work, 'again-'));
    packageInto(scripts['package:aws'] as string, again);
    for (const name of readdirSync(again))
      expect(readFileSync(join(again, name)).equals(readFileSync(join(work, name)))).toBe(true);
  });
});

const onUnix = process.platform === 'win32' ? describe.skip : describe;

onUnix('bootstrap', () => {
  let task: string;
  /** Says what it was started with. */
  const fake = (path: string) => {
    writeFileSync(path, '#!/bin/sh\necho "$0" "$@"\n');
    chmodSync(path, 0o755);
  };
  beforeAll(() => {
    task = mkdtempSync(join(tmpdir(), 'task-'));
    cpSync(join(root, 'deploy/aws/bootstrap'), join(task, 'bootstrap'));
    mkdirSync(join(task, 'path'));
    fake(join(task, 'path/node'));
  });
  afterAll(() => rmSync(task, { recursive: true, force: true }));
  const run = (...args: string[]) => {
    const env = { PATH: `${join(task, 'path')}:/usr/bin:/bin` };
    return spawnSync(join(task, 'bootstrap'), args, { encoding: 'utf8', env }).stdout.trim();
  };
  const expected = () => `${join(task, 'bundle.js')} lambda`;

  it('as a wrapper starts the bundle by the node that it is handed', () => {
    fake(join(task, 'path/other'));
    mkdirSync(join(task, 'lang'));
    const node = join(task, 'lang/node');
    fake(node);
    expect(run(node, '--expose-gc', '/var/runtime/index.mjs')).toBe(`${node} ${expected()}`);
  });

  it('as the bootstrap of an OS-only runtime by the node of the path, or one beside it', () => {
    expect(run()).toMatch(new RegExp(`node ${expected()}$`));
    fake(join(task, 'node'));
    expect(run()).toBe(`${join(task, 'node')} ${expected()}`);
  });
});
