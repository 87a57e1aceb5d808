import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import { CORE_SCHEMA, defineScalarTag, defineSequenceTag, load } from 'js-yaml';
import { root } from '../tools/sources';

export const templateFile = join(root, 'deploy/aws/template.yaml');

export interface Resource {
  Type: string;
  Condition?: string;
  Properties: Record<string, unknown>;
}

export interface Template {
  Transform: string;
  Parameters: Record<string, { Type: string; Default: string | number; AllowedValues?: unknown[] }>;
  Conditions: Record<string, unknown>;
  Resources: Record<string, Resource>;
  Outputs: Record<string, { Condition?: string; Value: unknown }>;
}

const named = (tag: string) => (['!Ref', '!Condition'].includes(tag) ? tag.slice(1) : `Fn::${tag.slice(1)}`);
const never = () => false;

const short = CORE_SCHEMA.withTags(
  ['!Ref', '!Sub', '!GetAtt', '!Condition'].map((tag) =>
    defineScalarTag(tag, {
      resolve: (text) => ({ [named(tag)]: tag === '!GetAtt' ? text.split('.') : text }),
      identify: never,
    }),
  ),
  ['!If', '!Equals', '!Not', '!And', '!Or', '!Sub', '!Join'].map((tag) =>
    defineSequenceTag<unknown[], object>(tag, {
      create: () => [],
      addItem: (list, item) => {
        list.push(item);
      },
      finalize: (list) => ({ [named(tag)]: list }),
      identify: never,
    }),
  ),
);

export function readTemplate(text = readFileSync(templateFile, 'utf8')): Template {
  return load(text, { schema: short }) as Template;
}

/** A type of a property, as AWS's own specification has it. */
type Shape =
  | { type: 'string'; allowedValues?: readonly string[] }
  | { type: 'number' | 'integer' | 'boolean' | 'json' | 'tag' | 'date-time' | 'null' }
  | { type: 'array' | 'map'; element: Shape }
  | { type: 'ref'; reference: { $ref: string } }
  | { type: 'union'; types: Shape[] };

type Properties = Record<string, { type: unknown; required?: boolean }>;

const spec = loadAwsServiceSpecSync();

function propertiesOf(type: string): Properties | undefined {
  return spec.lookup('resource', 'cloudFormationType', 'equals', type)[0]?.properties;
}

/** Of a function of SAM its own, and what it hands on: the specification of those has the values too. */
function propertiesOfSam(): Properties {
  const { TargetFunctionArn: _, ...url } = propertiesOf('AWS::Lambda::Url') as Properties;
  const handed = propertiesOf('AWS::Lambda::Function') as Properties;
  const { Architectures, LoggingConfig, Runtime, Timeout } = handed;
  const own = propertiesOf('AWS::Serverless::Function') as Properties;
  return { ...own, Architectures, LoggingConfig, Runtime, Timeout, FunctionUrlConfig: { type: url } } as Properties;
}

/** Everything wrong with the resources of a template, by the specification of AWS; and names that are not declared. */
export function faultsOf(template: Template): string[] {
  const faults = Object.entries(template.Resources).flatMap(([name, { Type, Properties = {} }]) => {
    const known = Type === 'AWS::Serverless::Function' ? propertiesOfSam() : propertiesOf(Type);
    return known ? faultsIn(Properties, known, name) : [`${name}: no such type ${Type}`];
  });
  return [...faults, ...undeclared(template)];
}

function faultsIn(given: object, known: Properties, at: string): string[] {
  const missing = Object.entries(known).filter(([name, { required }]) => required && !(name in given));
  const odd = Object.entries(given).flatMap(([name, value]) => {
    const place = `${at}.${name}`;
    if (!Object.hasOwn(known, name)) return [`${place}: no such property`];
    const { type } = known[name] as { type: unknown };
    return typeof (type as Shape).type === 'string'
      ? faultsOfValue(value, type as Shape, place)
      : faultsIn(value as object, type as Properties, place);
  });
  return [...missing.map(([name]) => `${at}.${name}: is missing`), ...odd];
}

function faultsOfValue(value: unknown, shape: Shape, at: string): string[] {
  const branches = branchesOf(value);
  if (branches) return branches.flatMap((branch) => faultsOfValue(branch, shape, at));
  switch (shape.type) {
    case 'string': {
      const isFit = typeof value === 'string' && (shape.allowedValues?.includes(value) ?? true);
      return isFit ? [] : [`${at}: ${JSON.stringify(value)} is none of ${shape.allowedValues ?? 'texts'}`];
    }
    case 'number':
    case 'integer':
      return typeof value === 'number' ? [] : [`${at}: ${JSON.stringify(value)} is no number`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${at}: ${JSON.stringify(value)} is no boolean`];
    case 'array':
      if (!Array.isArray(value)) return [`${at}: is no list`];
      return value.flatMap((item, index) => faultsOfValue(item, shape.element, `${at}[${index}]`));
    case 'map':
      if (typeof value !== 'object' || value === null) return [`${at}: is no mapping`];
      return Object.entries(value).flatMap(([key, item]) => faultsOfValue(item, shape.element, `${at}.${key}`));
    case 'ref': {
      if (typeof value !== 'object' || value === null) return [`${at}: is no mapping`];
      return faultsIn(value, spec.get('typeDefinition', shape.reference.$ref).properties, at);
    }
    case 'union': {
      const each = shape.types.map((type) => faultsOfValue(value, type, at));
      return each.some((faults) => faults.length === 0) ? [] : (each.sort((a, b) => a.length - b.length)[0] ?? []);
    }
    default:
      return [];
  }
}

/** What a function of the template may come to; undefined for a plain value. */
function branchesOf(value: unknown): unknown[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const [[name, given] = ['', undefined], ...others] = Object.entries(value);
  if (others.length > 0 || !/^(Ref|Fn::\w+)$/.test(name)) return undefined;
  return name === 'Fn::If' ? (given as unknown[]).slice(1) : [];
}

function undeclared({ Parameters, Conditions, Resources, Outputs }: Template): string[] {
  const known = new Set([...Object.keys(Parameters), ...Object.keys(Resources)]);
  // SAM makes it beside a function that has a URL.
  for (const [name, { Type }] of Object.entries(Resources))
    if (Type === 'AWS::Serverless::Function') known.add(`${name}Url`);
  const names: string[] = [];
  const conditions = [...Object.values(Resources), ...Object.values(Outputs)].flatMap(
    ({ Condition }) => Condition ?? [],
  );
  JSON.stringify({ Conditions, Resources, Outputs }, (key, value) => {
    if (key === 'Ref') names.push(value);
    if (key === 'Fn::GetAtt') names.push(value[0]);
    if (key === 'Fn::If') conditions.push(value[0]);
    if (key === 'Fn::Sub') names.push(...[...String(value).matchAll(/\$\{([^}.!]+)/g)].map(([, name]) => String(name)));
    return value;
  });
  return [
    ...names.filter((name) => !name.startsWith('AWS::') && !known.has(name)).map((name) => `${name}: not declared`),
    ...conditions.filter((name) => !(name in Conditions)).map((name) => `${name}: no such condition`),
  ];
}
