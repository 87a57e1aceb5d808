import Ajv from 'ajv';
import type { Resolved } from './s-yaml';

const string = { type: 'string', minLength: 1 } as const;
const integer = (minimum: number, maximum: number) => ({ type: 'integer', minimum, maximum }) as const;
const strict = (required: string[], properties: Record<string, object>) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});
const methods = {
  type: 'array',
  uniqueItems: true,
  items: { enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
  // A push sends PATCH, a tag check HEAD, a delete DELETE: none may be missing.
  minItems: 7,
};
const hook = strict(['handler', 'timeout'], { handler: string, timeout: integer(1, 300) });

const props = strict(
  [
    'region',
    'functionName',
    'code',
    'runtime',
    'layers',
    'customRuntimeConfig',
    'cpu',
    'memorySize',
    'diskSize',
    'instanceConcurrency',
    'timeout',
    'environmentVariables',
    'triggers',
  ],
  {
    region: { type: 'string', pattern: '^(cn|ap|eu|us|me)-[a-z]+(-\\d)?$' },
    functionName: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$' },
    description: { type: 'string', maxLength: 256 },
    code: string,
    // Those the Node.js 20 layer is made for.
    runtime: { enum: ['custom.debian10', 'custom.debian11', 'custom.debian12'] },
    layers: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^acs:fc:[a-z0-9-]+:official:layers/[A-Za-z0-9-]+/versions/\\d+$' },
    },
    customRuntimeConfig: strict(['command', 'port', 'healthCheckConfig'], {
      command: { type: 'array', minItems: 1, items: string },
      args: { type: 'array', items: string },
      port: integer(1, 65535),
      healthCheckConfig: strict(['httpGetUrl'], {
        httpGetUrl: { type: 'string', pattern: '^/', maxLength: 2048 },
        initialDelaySeconds: integer(0, 120),
        periodSeconds: integer(1, 120),
        timeoutSeconds: integer(1, 3),
        failureThreshold: integer(1, 120),
        successThreshold: integer(1, 120),
      }),
    }),
    cpu: { type: 'number', minimum: 0.05, maximum: 16 },
    memorySize: { type: 'integer', minimum: 128, maximum: 32768, multipleOf: 64 },
    diskSize: { enum: [512, 10240] },
    instanceConcurrency: integer(1, 200),
    timeout: integer(1, 86400),
    instanceLifecycleConfig: strict([], { initializer: hook, preStop: hook }),
    environmentVariables: { type: 'object', additionalProperties: { type: 'string' } },
    concurrencyConfig: strict(['reservedConcurrency'], { reservedConcurrency: integer(0, 300) }),
    logConfig: {
      anyOf: [
        { const: 'auto' },
        strict(['project', 'logstore'], {
          project: string,
          logstore: string,
          enableRequestMetrics: { type: 'boolean' },
          enableInstanceMetrics: { type: 'boolean' },
          logBeginRule: { enum: ['DefaultRegex', 'None'] },
        }),
      ],
    },
    triggers: {
      type: 'array',
      minItems: 1,
      // One version of a function can have a single HTTP trigger.
      maxItems: 1,
      items: strict(['triggerName', 'triggerType', 'triggerConfig'], {
        triggerName: string,
        triggerType: { const: 'http' },
        description: { type: 'string' },
        qualifier: { const: 'LATEST' },
        triggerConfig: strict(['authType', 'disableURLInternet', 'methods'], {
          authType: { const: 'anonymous' },
          disableURLInternet: { const: false },
          methods,
        }),
      }),
    },
    customDomain: strict(['domainName', 'protocol', 'route'], {
      domainName: string,
      protocol: { enum: ['HTTP', 'HTTPS', 'HTTP,HTTPS'] },
      route: strict(['path', 'methods'], { path: { const: '/*' }, qualifier: string, methods }),
      certConfig: strict(['certName', 'certificate', 'privateKey'], {
        certName: string,
        certificate: string,
        privateKey: string,
      }),
    }),
  },
);

const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
  strict(['edition', 'name', 'vars', 'resources'], {
    edition: { const: '3.0.0' },
    name: string,
    vars: { type: 'object', additionalProperties: string },
    resources: strict(['start_express'], {
      start_express: strict(['component', 'actions', 'props'], {
        component: { const: 'fc3' },
        actions: strict(['pre-deploy'], {
          'pre-deploy': { type: 'array', minItems: 1, items: strict(['run', 'path'], { run: string, path: string }) },
        }),
        props,
      }),
    }),
  }),
);

/** Everything wrong with a resolved manifest, by the schema and by the two rules of FC no schema can say. */
export function faultsOf(resolved: Resolved): string[] {
  if (!validate(resolved)) {
    return (validate.errors ?? []).map((error) => {
      const detail = Object.values(error.params).flat().join(' ');
      return `${error.instancePath} ${error.message} ${detail}`;
    });
  }
  const { cpu, memorySize, layers, region } = resolved.resources.start_express.props;
  const faults: string[] = [];
  const ratio = memorySize / 1024 / cpu;
  if (ratio < 1 || ratio > 4) faults.push(`${cpu} vCPU need ${cpu} to ${cpu * 4} GB of memory`);
  for (const layer of layers) {
    if (layer.split(':')[2] !== region) faults.push(`layer ${layer} is not in ${region}`);
  }
  return faults;
}
