import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { load } from 'js-yaml';
import { root } from '../tools/sources';

export const folder = join(root, 'deploy/tencent');
export const manifest = join(folder, 'serverless.yml');

/** What is read of serverless.yml. */
export interface WebFunction {
  component: string;
  app: string;
  stage: string;
  name: string;
  inputs: {
    name: string;
    type: string;
    region: string;
    runtime: string;
    src: { src: string; hook: string; dist: string };
    memorySize: number;
    timeout: number;
    instanceConcurrencyConfig: { enable: boolean; dynamicEnabled: boolean; maxConcurrency: number };
    environment: { variables: Record<string, string> };
    events: { http?: { parameters: Record<string, unknown> } }[];
    [name: string]: unknown;
  };
}

export const readManifest = (text = readFileSync(manifest, 'utf8')): WebFunction => load(text) as WebFunction;

/** The manifest with every block that is offered as a comment (`# key: value`) switched on. */
export const withOptions = (text: string): string => text.replace(/^( +)# ( *[A-Za-z_]+:(?: .*)?)$/gm, '$1$2');

const string = { type: 'string', minLength: 1 } as const;
const boolean = { type: 'boolean' } as const;
const integer = (minimum: number, maximum: number) => ({ type: 'integer', minimum, maximum }) as const;
const strict = (required: string[], properties: Record<string, object>) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

/**
 * The component runs at Tencent Cloud, so nothing of it can check a manifest here. Its inputs, by the interface of its own
 * library (tencent-component-toolkit 2.27.6: ScfDeployInputs, HttpTriggerInputsParams) and its page
 * (cloud.tencent.com/document/product/1154/39271); ranges by cloud.tencent.com/document/product/583/11637 and CreateFunction.
 */
const inputs = strict(
  [
    'name',
    'type',
    'region',
    'runtime',
    'src',
    'memorySize',
    'timeout',
    'initTimeout',
    'instanceConcurrencyConfig',
    'environment',
    'events',
  ],
  {
    name: { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]$' },
    type: { const: 'web' },
    region: { type: 'string', pattern: '^(ap|na|eu|sa)-[a-z]+$' },
    // The project needs Node.js 20.11, and this is the only one of SCF that is newer (tencentcloud.com/document/product/583/11060).
    runtime: { const: 'Nodejs20.19' },
    handler: string,
    // `hook` is run only where there is a `dist` as well.
    src: strict(['src', 'hook', 'dist'], { src: string, hook: string, dist: string }),
    memorySize: { type: 'integer', minimum: 128, maximum: 3072, multipleOf: 128 },
    timeout: integer(1, 900),
    initTimeout: integer(1, 300),
    role: string,
    cls: strict(['logsetId', 'topicId'], { logsetId: string, topicId: string }),
    instanceConcurrencyConfig: strict(['enable', 'dynamicEnabled', 'maxConcurrency'], {
      enable: boolean,
      dynamicEnabled: boolean,
      maxConcurrency: integer(1, 100),
    }),
    environment: strict(['variables'], {
      variables: {
        type: 'object',
        additionalProperties: { type: 'string', minLength: 1 },
        propertyNames: { pattern: '^(?!SCF_|QCLOUD_|TENCENTCLOUD_)[A-Za-z][A-Za-z0-9_]{1,63}$' },
      },
    }),
    events: {
      type: 'array',
      minItems: 1,
      maxItems: 1,
      items: strict(['http'], {
        http: strict(['parameters'], {
          parameters: strict(['qualifier', 'authType', 'netConfig'], {
            name: string,
            qualifier: { const: '$DEFAULT' },
            // The other one, CAM, wants Tencent Cloud's own signatures.
            authType: { const: 'NONE' },
            netConfig: strict(['enableIntranet', 'enableExtranet'], {
              enableIntranet: boolean,
              enableExtranet: { const: true },
            }),
          }),
        }),
      }),
    },
  },
);

const validate = new Ajv({ allErrors: true }).compile(
  strict(['component', 'app', 'stage', 'name', 'inputs'], {
    component: { const: 'scf' },
    app: string,
    stage: string,
    name: string,
    inputs,
  }),
);

/** All variables together, names and values. */
export const MAX_ENVIRONMENT_BYTES = 4096;

/** Everything wrong with a manifest. */
export function faultsOf(value: WebFunction): string[] {
  if (!validate(value)) {
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${Object.values(params).flat().join(' ')}`,
    );
  }
  const size = Buffer.byteLength(Object.entries(value.inputs.environment.variables).flat().join(''));
  return size > MAX_ENVIRONMENT_BYTES ? [`the environment has ${size} bytes, over 4 KB`] : [];
}
