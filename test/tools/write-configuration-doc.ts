import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings } from '../../src/core/settings';
import { renderConfiguration } from './configuration-doc';

const docs = join(__dirname, '../../docs');
mkdirSync(docs, { recursive: true });
writeFileSync(join(docs, 'configuration.md'), renderConfiguration(settings));
