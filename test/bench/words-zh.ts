import { sentences } from './sentences-zh';
import type { Words } from './words';

export const CHINESE: Words = {
  language: 'zh',
  path: 'docs/performance.zh-CN.md',
  title: '性能',
  link: 'English: [performance.md](performance.md)',
  introduction: `每个数字都在构建好的文件上测得：它作为单独的进程，经由回环地址，与对比对象在同一次运行中测量。
\`yarn bench\` 在几分钟内运行全部测量；\`yarn bench memory start\` 只运行其中两项；\`--full\` 需要较长时间。nginx 和 distribution 在已安装时才测量。没有目标的数字仅供参考。
图中是其下方表格里的数字；\`yarn bench\` 生成它们，\`yarn plots\` 用已有的结果重新生成。`,
  benchmarks: {
    memory: '内存',
    leave: '中途离开的读者',
    throughput: '吞吐量',
    requests: '请求',
    start: '启动',
    heal: '断点续传',
    cold: '许多客户端，一个未缓存的镜像',
    limited: '连接缓慢的仓库',
    warm: '从缓存提供',
    fill: '写入缓存',
    together: '多个实例，一个对象存储',
    faults: '故障',
    worker: 'Cloudflare Workers',
  },
  comma: '，',
  columns: ['项目', 'Node.js', '目标', '测得', '同一次运行中'],
  atMost: (bound) => `不超过 ${bound}`,
  atLeast: (bound) => `至少 ${bound}`,
  missed: (measured) => `${measured}：未达到`,
  say: sayInChinese,
};

const NUMBER = /(?<![A-Za-z\d])-?\d+(?:[.,]\d+)*/g;

/** The sentence with `#` for each of its numbers, as the keys of sentences-zh.ts have it. */
export function withoutNumbers(sentence: string): string {
  return sentence.replace(NUMBER, '#');
}

/** The English sentence itself where there is no Chinese one, which report.test.ts does not let pass. */
function sayInChinese(sentence: string): string {
  const [head, list] = sentence.split(/(?<=^What fills the bundle: )/);
  if (list !== undefined && head !== undefined)
    return `${sentences[head.trim()] ?? head}${list.replace(/\.$/, '。').replaceAll(', ', '，')}`;
  const numbers = sentence.match(NUMBER) ?? [];
  const chinese = sentences[withoutNumbers(sentence)];
  return chinese?.replace(/\{(\d+)\}/g, (_, place) => numbers[Number(place) - 1] ?? '') ?? sentence;
}
