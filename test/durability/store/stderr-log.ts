import type { Log, LogFields } from '../../../src/model/log.ts';

function line(level: string) {
  return (event: string, fields: LogFields = {}): void => void process.stderr.write(`${level} ${event} ${JSON.stringify(fields)}\n`);
}

/** What is worth reading of a process that is about to be killed. */
export const stderrLog: Log = { debug: () => undefined, info: () => undefined, warn: line('warn'), error: line('error'), with: () => stderrLog };
