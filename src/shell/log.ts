export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  level: LogLevel | 'silent';
  format: 'json' | 'text';
  /** Gets each line with its line end. */
  readonly write: (line: string) => void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * One line an event. Callers pass what may be seen (core/redact.ts); nothing is dug out of objects here.
 * @param options looked at for each line: level and format may change
 */
export function createLog(options: LogOptions): Log {
  const at =
    (severity: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      const { level, format, write } = options;
      if (level === 'silent' || LEVELS.indexOf(severity) < LEVELS.indexOf(level)) return;
      const print = format === 'json' ? printJson : printText;
      write(print(new Date().toISOString(), severity, message, fields));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function printJson(time: string, level: LogLevel, msg: string, fields: LogFields): string {
  return `${JSON.stringify({ time, level, msg, ...fields })}\n`;
}

const COLOURS: Readonly<Record<LogLevel, string>> = { debug: '2', info: '36', warn: '33', error: '31' };

/** For people at a terminal. Control characters are escaped, so that a request cannot write to the screen. */
function printText(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`.replace(/="([\w./:…@-]+)"$/, '=$1'));
  return `${time.slice(11, 23)} \x1b[${COLOURS[level]}m${level.padEnd(5)}\x1b[0m ${[message, ...details].join(' ')}\n`;
}
