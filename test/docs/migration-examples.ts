import { randomUUID } from 'node:crypto';
import { parse as parseEnv } from 'dotenv';
import { load } from 'js-yaml';
import { type Config, readConfig } from '../../src/core/config';
import type { Files } from '../../src/core/files';
import type { Row } from '../../src/core/registry-rows';
import { hashPassword, makePassword } from '../../src/shell/made-passwords';

/** A fence of docs/migration.md with the comment before it: `<!-- after: NAME KIND PATH -->`. */
export interface Example {
  readonly time: 'before' | 'after';
  /** Examples of one name make one configuration. */
  readonly name: string;
  readonly kind: string;
  /** Of what is a file. */
  readonly path: string;
  readonly text: string;
}

export function examplesOf(document: string): Example[] {
  const fences = document.matchAll(/^<!-- (before|after): (\S+) (\S+) ?(\S*) -->\n```\w+\n([\s\S]*?)^```$/gm);
  return [...fences].map(([, time, name, kind, path, text]) => ({
    time: time as Example['time'],
    name,
    kind,
    path,
    text,
  }));
}

type Variables = Record<string, string>;

/** What a service would be started with. */
interface Started {
  readonly env: Variables;
  readonly argv: readonly string[];
  readonly rows: readonly Row[];
  readonly files: Variables;
}

const NOTHING: Started = { env: {}, argv: [], rows: [], files: {} };

/** `NAME=value` behind a flag, in quotes or not. */
function variablesBehind(flag: string, text: string): Variables {
  const pattern = new RegExp(`${flag} (\\w+)=(?:"([^"]*)"|(\\S*))`, 'g');
  return Object.fromEntries([...text.matchAll(pattern)].map(([, name, quoted, plain]) => [name, quoted ?? plain]));
}

function composed(text: string): Variables {
  const { services } = load(text) as { services: Record<string, { environment: Variables }> };
  return Object.assign({}, ...Object.values(services).map(({ environment }) => environment));
}

function read({ kind, path, text }: Example): Partial<Started> {
  switch (kind) {
    case 'env':
      return { env: parseEnv(text) };
    case 's.yaml':
      return { env: (load(text) as { environmentVariables: Variables }).environmentVariables };
    case 'compose':
      return { env: composed(text) };
    case 'wrangler':
      return { env: { PLATFORM: 'cloudflare-workers', ...(JSON.parse(text) as { vars: Variables }).vars } };
    case 'rows': {
      const rows = [...text.matchAll(/--binding REGISTRY_MAPS (\S+) '(.+)'$/gm)];
      return { rows: rows.map(([, key, row]) => ({ key, text: row })) };
    }
    case 'gcloud':
      return { env: { ...variablesBehind('--set-env-vars', text), PLATFORM: 'cloud-run' } };
    case 'docker':
      return { env: variablesBehind('-e', text) };
    case 'command':
      return { argv: text.trim().split(/\s+/).slice(2) };
    case 'file':
      return { files: { [path]: text } };
    default:
      throw new Error(`no example is read as ${kind}`);
  }
}

const KEY_FILE = '/etc/registry-proxy/key.json';

/** Files that settings name and that no document should show. */
function secretFiles(): Variables {
  const users = `alice:${hashPassword(makePassword())}\n`;
  const privateKey = `-----BEGIN PRIVATE KEY-----\n${randomUUID()}\n-----END PRIVATE KEY-----\n`;
  const key = { type: 'service_account', client_email: 'robot@project.iam.example.com', private_key: privateKey };
  return {
    '/etc/registry-proxy/htpasswd': users,
    '/auth/htpasswd': users,
    [KEY_FILE]: JSON.stringify(key),
  };
}

/** The configuration that examples make together, with made-up secrets in place of `${NAME}`. */
export function configOf(examples: readonly Example[]): Config {
  const parts = examples.map(read);
  const all: Started = parts.reduce<Started>(
    (sum, { env = {}, argv = [], rows = [], files = {} }) => ({
      env: { ...sum.env, ...env },
      argv: [...sum.argv, ...argv],
      rows: [...sum.rows, ...rows],
      files: { ...sum.files, ...files },
    }),
    NOTHING,
  );
  const texts = { ...secretFiles(), ...all.files };
  const secrets = [...JSON.stringify([all.env, texts]).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [
    name,
    randomUUID(),
  ]);
  const known: Variables = Object.fromEntries(secrets);
  const fill = (text: string) => text.replace(/\$\{(\w+)\}/g, (_, name: string) => known[name]);
  const env = Object.fromEntries(Object.entries(all.env).map(([name, value]) => [name, fill(String(value))]));
  const files: Files = {
    text: (path) => {
      if (texts[path] === undefined) throw new Error('there is no such file');
      return texts[path];
    },
    document: (path) => load(files.text(path)),
  };
  return readConfig({ ...known, ...env }, all.argv, {}, files, all.rows.length > 0 ? all.rows : undefined);
}
