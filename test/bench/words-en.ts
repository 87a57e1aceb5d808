import type { Words } from './words';

export const ENGLISH: Words = {
  language: 'en',
  path: 'docs/performance.md',
  title: 'Performance',
  link: '中文：[performance.zh-CN.md](performance.zh-CN.md)',
  introduction: `Every figure is measured on the built bundle, as a process of its own, over loopback, together with what it is compared
with, in the same run. \`yarn bench\` runs everything in a few minutes; \`yarn bench memory start\` runs two of them;
\`--full\` takes its time. nginx and distribution are measured where they are installed. Figures without a target only
inform. The plots show figures of the tables below them; \`yarn bench\` makes them, and \`yarn plots\` makes them again from
the results that there are.`,
  benchmarks: {
    memory: 'Memory',
    leave: 'Readers who leave',
    throughput: 'Throughput',
    requests: 'Requests',
    start: 'Start',
    heal: 'Healing',
    cold: 'Many clients, one cold image',
    limited: 'A registry with slow connections',
    warm: 'From the cache',
    fill: 'Filling the cache',
    together: 'Several instances, one object store',
    faults: 'Faults',
    worker: 'Cloudflare Workers',
  },
  comma: ', ',
  columns: ['Figure', 'Node.js', 'Target', 'Measured', 'In the same run'],
  atMost: (bound) => `at most ${bound}`,
  atLeast: (bound) => `at least ${bound}`,
  missed: (measured) => `${measured}: missed`,
  say: (sentence) => sentence,
};
