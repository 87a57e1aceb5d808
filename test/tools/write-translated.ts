// When the Chinese documents say what the English ones say: node_modules/.bin/tsx test/tools/write-translated.ts
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashSections, TRANSLATED } from '../docs/translated';
import { root } from './sources';

writeFileSync(join(root, TRANSLATED), `${JSON.stringify(hashSections(), null, 2)}\n`);
