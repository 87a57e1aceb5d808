import { readFileSync } from 'node:fs';

/** bcryptjs in one CommonJS text, put in by the build: a worker made from a text needs no file beside the bundle. */
declare const BCRYPT: string;

/** Code that leaves `compareSync` and `hashSync` of bcryptjs in `module.exports`. */
export function bcryptSource(): string {
  return typeof BCRYPT === 'undefined' ? readFileSync(require.resolve('bcryptjs'), 'utf8') : BCRYPT;
}
