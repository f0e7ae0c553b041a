// The log: level, then rate limit, then what must not be in a line is taken out, then one line is written. JSON for machines (pino), text for
// people at a terminal.
import { pino } from 'pino';
import type { Clock } from '../model/clock.ts';
import { LOG_FIELD_CHARS_MAX } from '../model/limits.ts';
import type { Log, LogFields } from '../model/log.ts';
import type { LineSink, LogLevel } from './line.ts';
import { RateLimitedSink } from './rate-limited-log.ts';
import { textLine } from './text-line.ts';

export interface LogSettings {
  /** Least serious lines that are written. */
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
}

/** Where the lines go, e.g. `standardError()`. */
export interface LogOutput {
  /** One line with its end. */
  write(line: string): void;
}

/** The log of the process. */
export interface ProcessLog {
  readonly log: Log;
  /** For `log` and all made of it by `with`. */
  setLevel(level: LogLevel): void;
  /** Writes what the rate limit still holds back. */
  flush(): void;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Names of fields whose value is never written. */
const SECRET = /(password|passphrase|secret|token|psk|credential|cookie|authorization|privatekey|apikey)$/i;

export function createLog(settings: LogSettings, parts: { readonly clock: Clock; readonly output: LogOutput }): ProcessLog {
  const { clock, output } = parts;
  const sink = new RateLimitedSink(settings.format === 'text' ? textSink(output, clock) : jsonSink(output, clock), clock);
  const threshold = { rank: RANK[settings.level] };
  return {
    log: new FieldLog(sink, threshold, {}),
    setLevel(level) {
      threshold.rank = RANK[level];
    },
    flush: () => sink.flush(),
  };
}

/** Writes before it returns: the last lines before a crash are the ones that are needed. */
export function standardError(): LogOutput {
  const destination = pino.destination({ fd: 2, sync: true });
  destination.on('error', () => {}); // whoever read it is gone; the gateway works on without a log
  return { write: (line) => destination.write(line) };
}

class FieldLog implements Log {
  readonly #sink: LineSink;
  readonly #threshold: { readonly rank: number };
  readonly #fields: LogFields;

  constructor(sink: LineSink, threshold: { readonly rank: number }, fields: LogFields) {
    this.#sink = sink;
    this.#threshold = threshold;
    this.#fields = fields;
  }

  debug(event: string, fields?: LogFields): void {
    this.#write('debug', event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#write('info', event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#write('warn', event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write('error', event, fields);
  }

  with(fields: LogFields): Log {
    return new FieldLog(this.#sink, this.#threshold, { ...this.#fields, ...fields });
  }

  #write(level: LogLevel, event: string, fields: LogFields | undefined): void {
    if (RANK[level] >= this.#threshold.rank) this.#sink.write(level, event, { ...this.#fields, ...fields });
  }
}

function textSink(output: LogOutput, clock: Clock): LineSink {
  return { write: (level, event, fields) => output.write(textLine(timeOf(clock), level, event, presentable(fields))) };
}

function jsonSink(output: LogOutput, clock: Clock): LineSink {
  const logger = pino(
    {
      level: 'debug', // what is below the threshold does not come this far
      messageKey: 'event',
      timestamp: () => `,"time":"${timeOf(clock)}"`,
      formatters: { level: (label) => ({ level: label }), bindings: () => ({}) },
    },
    output,
  );
  return { write: (level, event, fields) => logger[level](presentable(fields), event) };
}

function timeOf(clock: Clock): string {
  return new Date(clock.nowMs()).toISOString();
}

function presentable(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, SECRET.test(name) ? '[redacted]' : shortened(value)]));
}

function shortened<T>(value: T): T | string {
  return typeof value === 'string' && value.length > LOG_FIELD_CHARS_MAX ? `${value.slice(0, LOG_FIELD_CHARS_MAX)}…` : value;
}
