// Bundles the Node server, or the Worker, into one file that runs with nothing beside it.
//   node esbuild.config.mjs [--target node|cloudflare] [--outdir dist] [--entry src/node/main.ts] [--beside program]
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';

// Start-up time is mostly evaluating modules. These belong to parts of Express and http-proxy-middleware that the server
// does not use: parsing bodies, serving and guessing the type of files, views, signed cookies, globs, followed redirects.
// What is called all the same says so instead of misbehaving.
const absent = (name, ...uses) =>
  `const absent = () => { throw new Error('${name} is not part of the bundle'); };
   ${uses.map((use) => `absent.${use} = absent;`).join(' ')} module.exports = absent;`;

const replaced = {
  'body-parser': absent('body-parser', 'json', 'raw', 'text', 'urlencoded'),
  'cookie-signature': absent('cookie-signature', 'sign', 'unsign'),
  depd: 'module.exports = () => () => {};',
  etag: absent('etag'),
  'follow-redirects': absent('follow-redirects'),
  'http-errors': 'module.exports = (status, fields) => Object.assign(new Error(String(status)), { status }, fields);',
  'is-glob': 'module.exports = () => false;',
  micromatch: absent('micromatch', 'isMatch'),
  qs: absent('qs', 'parse'),
  send: absent('send'),
  'serve-static': absent('serve-static'),
  // Of prom-client: summaries and exemplars, of which there are none.
  '@opentelemetry/api': 'module.exports = {};',
  tdigest: absent('tdigest', 'TDigest'),
  // Printing is decided by LOG_LEVEL, not by DEBUG.
  debug: `const silent = () => {}; silent.enabled = false; silent.extend = () => silent;
    module.exports = Object.assign(() => silent, { default: () => silent });`,
  // The whole table of media types is 200 KB; these are the ones our own pages have.
  'mime-types': `const types = { css: 'text/css', html: 'text/html', ico: 'image/x-icon', js: 'text/javascript',
      json: 'application/json', png: 'image/png', svg: 'image/svg+xml', txt: 'text/plain', text: 'text/plain' };
    exports.lookup = (name) => types[String(name).split('.').pop().toLowerCase()] ?? false;
    exports.charset = (type) => (/^text\\/|^application\\/json/.test(type) ? 'UTF-8' : false);
    exports.contentType = (name) => {
      const type = name.includes('/') ? name : exports.lookup(name);
      return type && !type.includes('charset') && exports.charset(type) ? type + '; charset=utf-8' : type;
    };
    exports.extension = (type) => Object.keys(types).find((name) => types[name] === type) ?? false;`,
};

// Needed by some requests only: loaded when one of these functions is first called, or anything of the module is used.
const deferred = {
  express: ['default'],
  dotenv: ['parse'],
  'http-proxy-middleware': ['createProxyMiddleware'],
};

// Large ones that few starts need travel as compressed texts: a text is passed over, while code that is never called is
// parsed all the same, at 2.5 ms for 100 KB.
const packed = {
  'js-yaml': ['load'],
  'prom-client': ['Registry', 'collectDefaultMetrics'],
  tldts: ['getDomain'],
};
const deferredBuiltins = /^(node:)?(crypto|dns|http2|https|tls|worker_threads)$/;
const defer = (name) =>
  deferred[name]
    ? deferred[name]
        .map((use) =>
          use === 'default'
            ? `export default (...all) => require('${name}')(...all);`
            : `export const ${use} = (...all) => require('${name}').${use}(...all);`,
        )
        .join('\n')
    : `module.exports = Object.create(new Proxy({}, {
        get: (_, key) => (key === '__esModule' ? undefined : require('${name}')[key]),
      }));`;

const commonjs = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.11',
  minify: true,
  charset: 'utf8',
  write: false,
};

async function pack(name) {
  const uses = packed[name];
  const { outputFiles } = await build({
    ...commonjs,
    stdin: { contents: `export { ${uses.join(', ')} } from '${name}';`, resolveDir: import.meta.dirname },
    legalComments: 'inline',
    plugins: [slimmed],
  });
  const [{ text }] = outputFiles;
  return `${licencesIn(text)}
    ${unpacking(name, text, 'require')}
    ${uses
      .map(
        (use) => `export function ${use}(...all) {
          return new.target ? Reflect.construct(unpack().${use}, all) : unpack().${use}(...all);
        }`,
      )
      .join('\n')}`;
}

/** Licences want to be read, and what is packed is not. */
function licencesIn(text) {
  return (text.match(/\/\*[!*][\s\S]*?(?:@license|@preserve|[Ll]icen[cs]e)[\s\S]*?\*\//g) ?? []).join('\n');
}

/** Code of `unpack()`, which evaluates a text of CommonJS when it is first called, and gives what it exports. */
const unpacking = (name, text, need) => `
  let loaded;
  const unpack = () => {
    if (loaded) return loaded.exports;
    const text = require('node:zlib').inflateRawSync(Buffer.from(packed, 'base64')) + '//# sourceURL=${name}';
    new Function('module', 'exports', 'require', text)((loaded = { exports: {} }), loaded.exports, ${need});
    return loaded.exports;
  };
  const packed = '${deflateRawSync(text, { level: 9 }).toString('base64')}';`;

// Our own code that few starts need: what only these modules lead to travels as one such text, and shares the rest of the
// program with it, so that a class is the same class on both sides.
const rare = [
  'src/node/bucket.ts',
  'src/node/cli.ts',
  'src/node/cloud-login.ts',
  'src/node/commands.ts',
  'src/node/explain-route.ts',
  'src/node/meter.ts',
  'src/node/metrics-route.ts',
  'src/node/page-route.ts',
  'src/node/passwords.ts',
  'src/node/prefetch-route.ts',
  'src/node/ready-route.ts',
  'src/node/registries-route.ts',
  'src/node/shared-budgets.ts',
  'src/node/traces.ts',
];

const place = (path) => relative(import.meta.dirname, path);

/** Modules that are reached without going through one of `rare`. */
async function commonModules(entry, define) {
  const { metafile } = await build({ ...commonjs, entryPoints: [entry], define, metafile: true, plugins: [slim] });
  const found = new Set();
  const reach = (file) => {
    if (found.has(file) || rare.includes(file)) return;
    found.add(file);
    for (const { path, external } of metafile.inputs[file].imports) if (!external) reach(path);
  };
  reach(place(entry));
  return new Set([...found].filter((file) => !file.includes(':')));
}

/** @param common files that the rest of the program has anyway */
async function packRare(common, define) {
  const shared = new Set();
  const fromCommon = {
    name: 'from-common',
    setup(bundle) {
      bundle.onResolve({ filter: /^[.]|^[^:]+$/ }, async ({ path, pluginData, ...around }) => {
        if (pluginData === 'resolving' || around.kind === 'entry-point') return undefined;
        const found = await bundle.resolve(path, { ...around, pluginData: 'resolving' });
        const file = place(found.path);
        if (found.external || found.namespace !== 'file' || !common.has(file)) return found;
        shared.add(file);
        return { path: `#${file}`, external: true };
      });
    },
  };
  const contents = `module.exports = { ${rare.map((file) => `'${file}': () => require('./${file}'),`).join('\n')} };`;
  const { outputFiles } = await build({
    ...commonjs,
    stdin: { contents, resolveDir: import.meta.dirname },
    legalComments: 'inline',
    define,
    plugins: [fromCommon, slim],
  });
  // In the order of their names: they are found in another one each time.
  return { text: outputFiles[0].text, shared: [...shared].sort() };
}

/** Takes `rare` out of a program. */
function apart(entry, { text, shared }) {
  const imports = shared.map((file, index) => `import * as m${index} from './${file}';`);
  const table = shared.map((file, index) => `'#${file}': m${index},`);
  const modules = {
    // What the text shares with the program is known before the program begins.
    program: `${imports.join('\n')} import { own } from 'apart:own'; Object.assign(own, { ${table.join('\n')} });`,
    own: 'export const own = {};',
    rare: `${licencesIn(text)}
      ${bcryptLicence}
      import { own } from 'apart:own';
      ${unpacking('rare', text, '(id) => own[id] ?? require(id)')}
      export const load = (file) => unpack()[file]();`,
  };
  return {
    name: 'apart',
    setup(bundle) {
      bundle.onResolve({ filter: /^apart:/ }, ({ path }) => ({ path, namespace: 'apart' }));
      bundle.onLoad({ filter: /^apart:/, namespace: 'apart' }, ({ path }) => {
        const [, name, file] = /^apart:(\w+)(?:=(.*))?$/.exec(path);
        const contents =
          name === 'entry'
            ? `import 'apart:program'; import './${entry}';`
            : name === 'module'
              ? `module.exports = require('apart:rare').load('${file}');`
              : modules[name];
        return { contents, loader: 'js', resolveDir: import.meta.dirname };
      });
      bundle.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
        const file = kind === 'dynamic-import' ? `${place(join(resolveDir, path))}.ts` : undefined;
        return rare.includes(file) ? { path: `apart:module=${file}`, namespace: 'apart' } : undefined;
      });
    },
  };
}

// Node.js 22 and newer print a warning where this one is called.
const outdated = {
  files: /[\\/]http-proxy[\\/]lib[\\/]http-proxy[\\/](common|index)\.js$/,
  call: "require('util')._extend",
};

const anyOf = (names) => new RegExp(`^(${Object.keys(names).join('|')})$`);

const slimmed = {
  name: 'slimmed',
  setup(bundle) {
    bundle.onResolve({ filter: anyOf(replaced) }, ({ path }) => ({ path, namespace: 'replaced' }));
    bundle.onLoad({ filter: /.*/, namespace: 'replaced' }, ({ path }) => ({ contents: replaced[path], loader: 'js' }));
  },
};

const slim = {
  name: 'slim',
  setup(bundle) {
    slimmed.setup(bundle);
    bundle.onResolve({ filter: anyOf(packed) }, ({ path }) => ({ path, namespace: 'packed' }));
    bundle.onLoad({ filter: /.*/, namespace: 'packed' }, async ({ path }) => ({
      contents: await pack(path),
      loader: 'js',
    }));
    bundle.onLoad({ filter: outdated.files }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes(outdated.call)) return { errors: [{ text: `${path} no longer has ${outdated.call}` }] };
      return { contents: text.replace(outdated.call, 'Object.assign'), loader: 'js' };
    });
    for (const filter of [anyOf(deferred), deferredBuiltins]) {
      bundle.onResolve({ filter }, ({ path, namespace }) =>
        namespace === 'deferred' ? undefined : { path, namespace: 'deferred' },
      );
    }
    bundle.onLoad({ filter: /.*/, namespace: 'deferred' }, ({ path }) => ({
      contents: defer(path),
      loader: 'js',
      resolveDir: import.meta.dirname,
    }));
  },
};

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'node' },
    entry: { type: 'string' },
    outdir: { type: 'string', default: 'dist' },
    beside: { type: 'string' },
  },
});

const { name, version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

const common = {
  outdir: values.outdir,
  bundle: true,
  minify: true,
  legalComments: 'eof',
  // Chinese words as they are: escaped, each character has twice the bytes.
  charset: 'utf8',
  metafile: true,
  logLevel: 'warning',
};

const targets = { node: nodeOptions, cloudflare: workerOptions };
if (!targets[values.target]) {
  console.error(`--target ${values.target}: expected ${Object.keys(targets).join(' or ')}`);
  process.exit(1);
}

const MAIN = 'src/node/main.ts';

/** As a comment that esbuild leaves in its place. */
const bcryptLicence = /\/\*([\s\S]*?\*\/)/
  .exec(readFileSync(new URL(import.meta.resolve('bcryptjs')), 'utf8'))[0]
  .replace('/*', '/*!');

async function nodeOptions() {
  const entry = values.entry ?? MAIN;
  const define = await nodeNames();
  const options = {
    entryPoints: { bundle: entry },
    platform: 'node',
    format: 'cjs',
    target: 'node20.11',
    banner: { js: '#!/usr/bin/env node' },
    define,
    plugins: [slim],
  };
  if (entry !== MAIN) return options;
  const kept = await packRare(await commonModules(entry, define), define);
  return { ...options, entryPoints: { bundle: 'apart:entry' }, plugins: [apart(entry, kept), slim] };
}

/** What stands in the code as a name. */
async function nodeNames() {
  // Passwords are checked in a thread that runs a text (src/node/bcrypt-source.ts).
  const contents = "export { compareSync, hashSync } from 'bcryptjs';";
  const { outputFiles } = await build({ ...commonjs, stdin: { contents, resolveDir: import.meta.dirname } });
  return { BCRYPT: JSON.stringify(outputFiles[0].text), PROGRAM: JSON.stringify(`${name} ${version}`) };
}

/** One module for workerd, without any of Node's: it can be pasted into Cloudflare's dashboard. */
function workerOptions() {
  return {
    entryPoints: { worker: values.entry ?? 'src/worker/index.ts' },
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    format: 'esm',
    target: 'es2022',
    banner: { js: `// ${name} ${version}` },
  };
}

const { metafile } = await (async () => build({ ...common, ...(await targets[values.target]()) }))().catch(() =>
  process.exit(1),
);

if (values.beside) {
  const copy = join(values.outdir, basename(values.beside));
  copyFileSync(values.beside, copy);
  chmodSync(copy, 0o755);
}

for (const [file, { bytes, imports, inputs }] of Object.entries(metafile.outputs)) {
  if (values.target === 'node') chmodSync(file, 0o755);
  const unresolved = imports
    .map(({ path }) => path)
    .filter((path) => values.target !== 'node' || !builtinModules.includes(path.replace(/^node:/, '')));
  if (unresolved.length > 0) {
    console.error(`${file} would need at run time: ${[...new Set(unresolved)].join(', ')}`);
    process.exit(1);
  }
  const sizes = new Map();
  for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
    const owner = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? input.split('/').slice(0, 2).join('/');
    sizes.set(owner, (sizes.get(owner) ?? 0) + bytesInOutput);
  }
  const kilobytes = (size) => `${(size / 1000).toFixed(1).padStart(7)} KB`;
  console.log(`${kilobytes(bytes)}  ${file}, of which`);
  const largest = [...sizes].sort(([, one], [, other]) => other - one).slice(0, 12);
  for (const [owner, size] of largest) console.log(`${kilobytes(size)}    ${owner}`);
}
