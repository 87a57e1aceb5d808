// Runs the one version of Yarn this project uses, whichever Yarn (or plain `node .yarn/launch.cjs`) was called.
// It comes from the npm registry configured on this machine, once, and is checked before it runs.
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } = require('node:fs');
const { join } = require('node:path');

const version = '4.18.1';
const sha256 = 'a28ad591febb769f939c11f82f89bacad0b0fac0c884d3b78fa2aaaee970907e';
const cache = join(__dirname, 'cli');
const cli = join(cache, `yarn-${version}.js`);

const isGenuine = (file) => existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === sha256;

function download() {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'npm-'));
  try {
    const npm = spawnSync(
      'npm',
      ['install', '--prefix', '.', '--no-save', '--no-audit', '--no-fund', '--no-update-notifier', '--ignore-scripts', '--loglevel=error', `@yarnpkg/cli-dist@${version}`],
      { cwd: work, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' },
    );
    if (npm.status !== 0) throw new Error(`npm could not fetch Yarn ${version}: ${npm.error?.message ?? `exit code ${npm.status}`}`);
    const fetched = join(work, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js');
    if (!isGenuine(fetched)) throw new Error(`the Yarn ${version} that npm fetched is not the one expected (sha256 ${sha256})`);
    renameSync(fetched, cli);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

try {
  if (!isGenuine(cli)) download();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
// A Yarn that hands over to us passes no SIGTERM on: when it is gone, what we run must not be left behind.
if (process.env.YARN_IGNORE_PATH) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGTERM'), 250).unref();
}
process.env.YARN_IGNORE_PATH = '1';
process.argv[1] = cli;
require(cli);
