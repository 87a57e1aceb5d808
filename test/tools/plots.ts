import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../bench/result';
import { type Described, Figures, type Found, NODE, OWN, SAME, type Words } from './bench-figures';
import { type Bar, type Group, type Plot, renderPlot } from './plot';
import { root } from './sources';

type Language = 'en' | 'zh';

const LANGUAGES: readonly Language[] = ['en', 'zh'];

const PLAIN: Words = ['plain https.get', '直接 https.get'];
interface DescribedPlot {
  readonly title: Words;
  readonly groups: readonly { readonly title: Words; readonly bars: readonly Described[] }[];
}

/** The plots of docs/performance.md, under the names of their benchmarks; their figures are those of its tables. */
const PLOTS: Readonly<Record<string, (figures: Figures) => DescribedPlot>> = {
  throughput: (figures) => {
    const speed = figures.of('One blob of 0.5 GiB served by the registry');
    const cpu = figures.of('The same: CPU time for each GiB');
    const all: readonly [string, Words][] = [
      ['proxy', OWN],
      ['plain https.get', PLAIN],
      ['nginx', SAME('nginx')],
    ];
    return {
      title: ['One blob of 0.5 GiB over TLS', '经 TLS 传输一个 0.5 GiB 的 blob'],
      groups: [
        {
          title: ['Gbit/s, more is better', 'Gbit/s，越大越好'],
          bars: all.map(([name, label]) => speed.peer(name, 'Gbit/s', label)),
        },
        {
          title: ['CPU seconds for each GiB, less is better', '每 GiB 的 CPU 秒数，越小越好'],
          bars: all.map(([name, label]) => cpu.peer(name, 's', label)),
        },
      ],
    };
  },
  requests: (figures) => {
    const head = figures.of('HEAD of a manifest by its tag');
    const tokens = figures.of('Token requests upstream');
    return {
      title: ['Small requests', '小请求'],
      groups: [
        {
          title: [
            'HEAD of a manifest by its tag: requests a second, more is better',
            '按标签 HEAD 清单：每秒请求数，越大越好',
          ],
          bars: [head.value(OWN), head.peer('distribution', '/s'), head.peer('nginx', '/s')],
        },
        {
          title: [
            'Token requests upstream for 50 parallel pulls, less is better',
            '50 个并行拉取向上游要的令牌数，越小越好',
          ],
          bars: [tokens.value(OWN), tokens.peer('distribution', '')],
        },
      ],
    };
  },
  start: (figures) => {
    const start = figures.of('Start to first answer');
    return {
      title: ['From start to the first answer', '从启动到第一个应答'],
      groups: [
        {
          title: ['ms, less is better', '毫秒，越小越好'],
          bars: [
            start.peer('bare node:http', 'ms', ['bare node:http', '空的 node:http']),
            { ...start.peer('own page', 'ms', OWN), own: true },
            start.peer('express + http-proxy-middleware', 'ms', ['express + hpm', 'express + hpm']),
          ],
        },
      ],
    };
  },
  memory: (figures) => {
    const one = figures.of('One reader at 1 MB/s of a 1 GiB blob');
    const hundred = figures.of('100 such readers');
    return {
      title: ['Memory with slow readers', '慢速读者占用的内存'],
      groups: [
        {
          title: ['One reader at 1 MB/s: growth in MB, less is better', '一个 1 MB/s 的读者：增加的 MB，越小越好'],
          bars: [one.value(OWN), one.peer('plain https.get:', 'MB', PLAIN)],
        },
        {
          title: ['100 such readers: the whole process in MB', '100 个这样的读者：整个进程的 MB'],
          bars: [
            hundred.value(OWN),
            { label: ['at most (target)', '上限（目标）'], value: hundred.atMost(), unit: SAME('MB') },
          ],
        },
      ],
    };
  },
  heal: (figures) => {
    const failed = figures.of('200 pulls, every blob cut once at a random point: failed');
    return {
      title: ['200 pulls, every blob cut once at a random point', '200 次拉取，每个 blob 在随机位置被切断一次'],
      groups: [
        {
          title: ['Pulls that failed, less is better', '失败的拉取，越小越好'],
          bars: [failed.value(OWN), failed.peer('plain https.get:', '', PLAIN)],
        },
      ],
    };
  },
  cold: (figures) => {
    const bytes = figures.of('20 clients pull one cold image');
    const time = figures.of('The same: until the last client is done');
    return {
      title: ['20 clients pull one cold image of 200 MB at once', '20 个客户端同时拉取一个 200 MB 的冷镜像'],
      groups: [
        {
          title: [
            'Bytes from the registry, as a multiple of the image, less is better',
            '向仓库取的字节，为镜像的倍数，越小越好',
          ],
          bars: [bytes.value(OWN), bytes.peer('distribution', '×')],
        },
        {
          title: ['Seconds until the last one is done, less is better', '到最后一个完成的秒数，越小越好'],
          bars: [time.peer('proxy', 's', OWN), time.peer('distribution', 's')],
        },
      ],
    };
  },
  limited: (figures) => {
    const disk = figures.of('Cold pull of one layer of 200 MB into a cache on disk');
    const none = figures.of('Cold pull of one layer of 200 MB without a cache');
    return {
      title: ['One layer of 200 MB, each connection limited to 5 MB/s', '一个 200 MB 的层，每个连接限速 5 MB/s'],
      groups: [
        {
          title: ['Seconds, less is better', '秒，越小越好'],
          bars: [
            disk.peer('proxy', 's', ['this proxy, disk cache', '本代理，磁盘缓存']),
            none.peer('proxy', 's', ['this proxy, no cache', '本代理，无缓存']),
            disk.peer('distribution', 's'),
          ],
        },
      ],
    };
  },
  warm: (figures) => {
    const asked: readonly (readonly [string, Words])[] = [
      ['GET of a manifest by its digest', ['GET of a manifest by its digest', '按摘要 GET 清单']],
      ['GET of a manifest by its tag', ['GET of a manifest by its tag', '按标签 GET 清单']],
      ['HEAD of a manifest by its tag', ['HEAD of a manifest by its tag', '按标签 HEAD 清单']],
    ];
    return {
      title: ['From a cache on disk: requests a second, more is better', '取自磁盘缓存：每秒请求数，越大越好'],
      groups: asked.map(([what, title]) => {
        const figure = figures.of(`From disk, ${what}`);
        return { title, bars: [figure.peer('proxy', '/s', OWN), figure.peer('distribution', '/s')] };
      }),
    };
  },
  fill: (figures) => {
    const first = figures.of('First byte of a cold blob');
    return {
      title: ['First byte of a blob that is not yet kept', '尚未缓存的 blob 的第一个字节'],
      groups: [
        {
          title: ['ms, less is better', '毫秒，越小越好'],
          bars: [
            first.peer('registry', 'ms', ['the registry itself', '仓库本身']),
            first.peer('proxy', 'ms', OWN),
            first.peer('distribution', 'ms'),
          ],
        },
      ],
    };
  },
  together: (figures) => {
    const bytes = figures.of('3 processes get the same cold image');
    const time = figures.of('The same: time until all have it');
    const shared: Words = ['one object store', '同一个对象存储'];
    const apart: Words = ['CACHE=memory each', '各自 CACHE=memory'];
    return {
      title: ['3 processes get the same cold image of 48 MiB at once', '3 个进程同时取同一个 48 MiB 的冷镜像'],
      groups: [
        {
          title: [
            'Bytes from the registry, as a multiple of the image, less is better',
            '向仓库取的字节，为镜像的倍数，越小越好',
          ],
          bars: [bytes.value(shared), bytes.peer('CACHE=memory:', '×', apart)],
        },
        {
          title: ['Seconds until all have it, less is better', '到全部取得的秒数，越小越好'],
          bars: [{ ...time.peer('', 's', shared), own: true }, time.peer('CACHE=memory:', 's', apart)],
        },
      ],
    };
  },
  worker: (figures) => {
    const pass: Words = ['pass-through Worker', '直通 Worker'];
    const speed = (what: string) => figures.after(what, 'The same: bytes a second');
    const [watched, direct] = ['A blob of 500 MB, relayed, watched', 'A blob of 500 MB, relayed, direct'].map(speed);
    const kept = speed('A blob of 500 MB, from R2');
    const one = (figure: Found | undefined, label: Words) => ({
      ...(figure as Found).peer('Worker', 'MB/s', label),
      own: true,
    });
    return {
      title: ['A blob of 500 MB on workerd', 'workerd 上的一个 500 MB 的 blob'],
      groups: [
        {
          title: ['Relayed: MB/s, more is better', '转发：MB/s，越大越好'],
          bars: [
            one(direct, ['this proxy, direct', '本代理，直接']),
            one(watched, ['this proxy, watched', '本代理，照看']),
            (direct as Found).peer('pass-through', 'MB/s', pass),
          ],
        },
        {
          title: ['From R2: MB/s, more is better', '取自 R2：MB/s，越大越好'],
          bars: [one(kept, OWN), kept.peer('pass-through', 'MB/s', pass)],
        },
      ],
    };
  },
};

/** Benchmarks that have a plot. */
export const PLOTTED: readonly string[] = Object.keys(PLOTS);

/** Path of a plot from docs/ on. */
export function plotPath(benchmark: string, language: Language = 'en'): string {
  return `img/bench-${benchmark}${language === 'zh' ? '.zh-CN' : ''}.svg`;
}

/** What a plot says, for those who do not see it. */
export function plotTitle(result: Result): string {
  return describe(result).title[0];
}

/** Every plot of these results, under its path from docs/ on. */
export function renderPlots(results: readonly Result[]): ReadonlyMap<string, string> {
  const plotted = results.filter(({ name }) => name in PLOTS);
  return new Map(
    plotted.flatMap((result) =>
      LANGUAGES.map((language) => [plotPath(result.name, language), renderPlot(plotOf(result, language))] as const),
    ),
  );
}

export function writePlots(results: readonly Result[]): void {
  for (const [path, text] of renderPlots(results)) writeFileSync(join(root, 'docs', path), text);
}

function describe(result: Result): DescribedPlot {
  const make = PLOTS[result.name];
  if (!make) throw new Error(`${result.name} has no plot`);
  return make(new Figures(result));
}

function plotOf(result: Result, language: Language): Plot {
  const index = LANGUAGES.indexOf(language);
  const { title, groups } = describe(result);
  const said = (words: Words) => words[index] as string;
  const bar = ({ label, value, unit, own }: Described): Bar => ({
    label: said(label),
    value,
    text: `${value} ${said(unit)}`.trim(),
    ...(own && { own }),
  });
  const command = `yarn bench ${result.full ? '--full ' : ''}${result.name}`;
  const node = result.figures.some(({ node }) => node === NODE) ? `, Node.js ${NODE}` : '';
  return {
    title: said(title),
    groups: groups.map((group): Group => ({ title: said(group.title), bars: group.bars.map(bar) })),
    note: `${command}, ${result.date}, ${result.machine}${node}`,
  };
}
