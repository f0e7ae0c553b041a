// SQLite says "disk I/O error" whether the disk is broken, read-only or has no room for an index of its log. The operating system says which.
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Of what the smallest file takes. */
const BLOCK = Buffer.alloc(4_096, 0x55);
const PROBE_FILE = 'postern.probe';

/** @returns why no file can be written now, as `errno` names it; undefined: one can. */
export type ProbeDisk = () => string | undefined;

export function diskProbe(directory: string): ProbeDisk {
  const path = join(directory, PROBE_FILE);
  return () => {
    try {
      const file = openSync(path, 'w', 0o600);
      try {
        writeSync(file, BLOCK);
      } finally {
        closeSync(file);
        rmSync(path, { force: true });
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return String(error.code);
    }
  };
}
