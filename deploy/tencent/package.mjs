// Builds what SCF runs: the bundle and the file that starts it, as a folder and as a zip archive.
//   node deploy/tencent/package.mjs [--outdir deploy/tencent/dist]     makes code/ and registry-proxy.zip in there
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const here = import.meta.dirname;
const root = resolve(here, '../..');
const { values } = parseArgs({ options: { outdir: { type: 'string', default: join(here, 'dist') } } });
const outdir = resolve(values.outdir);
const code = join(outdir, 'code');

rmSync(code, { recursive: true, force: true });
mkdirSync(code, { recursive: true });
execFileSync(process.execPath, ['esbuild.config.mjs', '--outdir', code], { cwd: root, stdio: 'inherit' });
// A checkout on Windows may have made CRLF of the lines, and has no modes.
const start = readFileSync(join(here, 'scf_bootstrap'), 'utf8').replaceAll('\r\n', '\n');
writeFileSync(join(code, 'scf_bootstrap'), start);
chmodSync(join(code, 'scf_bootstrap'), 0o755);

const names = readdirSync(code).sort();
const archive = join(outdir, 'registry-proxy.zip');
writeFileSync(archive, zip(names.map((name) => [name, readFileSync(join(code, name))])));
console.log(
  `${(statSync(archive).size / 1000).toFixed(1).padStart(7)} KB  ${relative(process.cwd(), archive)}: ${names.join(', ')}`,
);

/** The same bytes for the same files: no times, no owners, everything mode 755, as made on a Unix. */
function zip(files) {
  const bodies = [];
  const directory = [];
  let offset = 0;
  for (const [name, data] of files) {
    // gzip knows the checksum, too: ten bytes of head, what deflate made, the checksum and the size.
    const gzip = gzipSync(data, { level: 9 });
    const packed = gzip.subarray(10, -8);
    const path = Buffer.from(name);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0); // version that is needed
    shared.writeUInt16LE(8, 4); // deflate
    shared.writeUInt16LE(0x21, 8); // 1980-01-01, the first day there is
    gzip.copy(shared, 10, gzip.length - 8, gzip.length - 4);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(data.length, 18);
    shared.writeUInt16LE(path.length, 22);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(0x0314, 4); // made on a Unix, so that the attributes are a mode
    shared.copy(entry, 6);
    entry.writeUInt32LE(0o100755 * 0x10000, 38);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, path);
    bodies.push(Buffer.from('504b0304', 'hex'), shared, path, packed);
    offset += 30 + path.length + packed.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, list, end]);
}
