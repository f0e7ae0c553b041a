import type { LogFields } from '../model/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where lines go on their way out: the limiter, then the writer. */
export interface LineSink {
  write(level: LogLevel, event: string, fields: LogFields): void;
}
