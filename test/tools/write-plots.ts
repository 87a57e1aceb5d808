// The plots of docs/performance.md, from the results that `yarn bench` has written: node_modules/.bin/tsx test/tools/write-plots.ts
import { readResults } from '../bench/report';
import { writePlots } from './plots';

writePlots(readResults());
