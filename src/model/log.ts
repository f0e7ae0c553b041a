export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Structured log. `event` is a stable, greppable phrase; what varies goes into `fields`. Secrets never do. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields`. */
  with(fields: LogFields): Log;
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};

/** How bad input begins, for a log line: `102a00044d515454… (44 bytes)`. */
export function hexPrefix(bytes: Uint8Array, bytesMax: number): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, bytesMax)).toString('hex');
  return bytes.length > bytesMax ? `${hex}… (${bytes.length} bytes)` : hex;
}
