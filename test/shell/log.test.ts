import { createLog, type LogFields, type LogOptions } from '../../src/shell/log';

function logged(options: Partial<LogOptions>, use: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  use(createLog({ level: 'info', format: 'json', write: (line) => lines.push(line), ...options }));
  return lines;
}

const everything = (log: ReturnType<typeof createLog>) => {
  log.debug('d');
  log.info('i');
  log.warn('w');
  log.error('e');
};

describe('the log', () => {
  test.each([
    ['debug', ['d', 'i', 'w', 'e']],
    ['info', ['i', 'w', 'e']],
    ['warn', ['w', 'e']],
    ['error', ['e']],
    ['silent', []],
  ] as const)('at level %s', (level, messages) => {
    expect(logged({ level }, everything).map((line) => JSON.parse(line).msg)).toEqual(messages);
  });

  test('is one JSON object a line, with time, level and message first', () => {
    const [line] = logged({}, (log) =>
      log.warn('request', { status: 502, resumed: undefined, path: '/a\n"b"', x: true }),
    );
    expect(line.endsWith('}\n')).toBe(true);
    expect(line.trimEnd()).not.toContain('\n');
    const { time, ...rest } = JSON.parse(line);
    expect(rest).toEqual({ level: 'warn', msg: 'request', status: 502, path: '/a\n"b"', x: true });
    expect(new Date(time).toISOString()).toBe(time);
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(5000);
    expect(Object.keys(JSON.parse(line)).slice(0, 3)).toEqual(['time', 'level', 'msg']);
  });

  test.each<[LogFields, string]>([
    [{ status: 200, path: '/v2/team/app/manifests/v1' }, 'request status=200 path=/v2/team/app/manifests/v1'],
    [{ why: 'two words', none: undefined, ok: true }, 'request why="two words" ok=true'],
    [{ empty: '' }, 'request empty=""'],
    [{ path: '/\x1b[2J\r\nINFO forged' }, 'request path="/\\u001b[2J\\r\\nINFO forged"'],
    [{ path: '/v2/?n=1' }, 'request path="/v2/?n=1"'],
  ])('is readable as text: %j', (fields, expected) => {
    const [line] = logged({ format: 'text' }, (log) => log.info('request', fields));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} \x1b\[36minfo \x1b\[0m .*\n$/);
    expect(line.slice(line.indexOf('request')).trimEnd()).toBe(expected);
  });
});
